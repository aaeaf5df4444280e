#pragma once

#include <gtest/gtest.h>

#include <string>

#include "manul/framework/error.h"

namespace manul {

/// The text of the Error that `function` throws, which is to be one of `kind`; empty if it throws none.
template <class Function>
std::string error_of(Function function, ErrorKind kind = ErrorKind::data) {
  try {
    function();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind);
    return error.what();
  }
  return "";
}

}  // namespace manul
