#include "framework/error.h"
#include "models/model.h"

// Until models/keras_h5.cpp defines these; delete this file then.
namespace manul {

void Model::save(const std::string& path) const {
  fail(ErrorKind::model_file, "{}: this build cannot write model files", path);
}

Model Model::load(const std::string& path, const LoadOptions& /*options*/) {
  fail(ErrorKind::model_file, "{}: this build cannot read model files", path);
}

}  // namespace manul
