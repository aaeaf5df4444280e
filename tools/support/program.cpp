#include "manul/tools/support/program.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <limits>
#include <new>
#include <sstream>
#include <system_error>
#include <thread>
#include <vector>

#include "manul/data/image/image.h"
#include "manul/framework/cpu/parallel.h"
#include "manul/framework/distributed/communicator.h"
#include "manul/framework/distributed/launch.h"
#include "manul/framework/warning.h"
#include "manul/tools/support/help.h"
#include "manul/tools/support/manual.h"
#include "manul/tools/support/near_names.h"
#include "manul/tools/support/stack.h"
#include "manul/tools/support/terminal.h"
#include "manul/tools/support/version.h"

namespace manul {
namespace {

/// The option of `app` that looks most like `wrong`, if one is close enough to be meant; otherwise empty.
std::string nearest_option(const CLI::App& app, const std::string& wrong) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  std::vector<std::string> near = near_names(wrong.substr(0, wrong.find('=')), names, 2, 1);
  return near.empty() ? "" : near[0];
}

/// A standard stream that came closed would give its number to the next file that is opened, a model for one,
/// and what is printed would go there. Like this, printing fails as it should.
void occupy_closed_streams() {
  for (int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(stream, F_GETFD) == -1 && errno == EBADF)
      ::open("/dev/null", O_RDONLY);  // takes the lowest free number: this one
}

/// A log file holds each line as soon as it is printed, and in order with what comes on stderr.
void flush_lines() {
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
}

/// A file that may not grow (ulimit -f) is an error of the write, not the end of the program.
void ignore_file_size_signal() {
  std::signal(SIGXFSZ, SIG_IGN);
}

/// What is wrong in all processes the first one says, and ends the others before they say it again.
constexpr std::chrono::milliseconds as_one_error{500};
/// Before processes are joined only who started them can end the others, which takes mpirun longer.
constexpr std::chrono::seconds as_one_explanation{5};

template <class Number>
CLI::Validator range_check(const char* what, Number low, Number high) {
  auto complaint = [=](const std::string& text) -> std::string {
    Number value = 0;
    if (CLI::detail::lexical_cast(text, value) && value >= low && value <= high) return {};
    return fmt::format("{} is not a {} from {} to {}", text, what, low, high);
  };
  return CLI::Validator(complaint, "");
}

}  // namespace

Program::Program(const std::string& name, const std::string& purpose, const std::string& examples)
    : app_("Examples:\n" + examples + "\n" + purpose, name) {
  app_.set_version_flag("-V,--version", version_text, "Print what this build contains and exit");
  app_.formatter(std::make_shared<HelpFormatter>());
}

void Program::add_device_option(const std::string& otherwise) {
  device_ = otherwise;
  app_.add_option("--device", device_, "auto, cpu, cuda or cuda:N")->type_name("NAME")->capture_default_str();
}

void Program::add_tf32_option() {
  app_.add_flag("--tf32", tf32_, "On a GPU, round the inputs of products to TF32: faster, less exact");
}

void Program::add_threads_option() {
  app_.add_option("--threads", threads_, "Threads on the CPU; 0: one per core")
      ->check(integer_in(0, 256))
      ->capture_default_str();
}

Device Program::device(bool tell_why_not_gpu) const {
  if (device_ != "auto") return Device::parse(device_);
  try {
    return Device::parse("cuda");
  } catch (const Error& error) {
    why_not_gpu_ = error.what();
    constexpr std::string_view reason_follows = "cannot be used: ";
    if (size_t at = why_not_gpu_.find(reason_follows); at != std::string::npos)
      why_not_gpu_.erase(0, at + reason_follows.size());
  }
  if (tell_why_not_gpu)
    print_if_possible(stderr, "{}: no GPU is used: {}\n", app_.get_name(), printable(why_not_gpu_));
  return Device::cpu();
}

/// Before processes are joined: they were given the same options, as a rule.
int Program::explain(const CLI::ParseError& error) const {
  bool is_first = Launch::from_environment().rank == 0;
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
    if (!is_first) return 0;
    std::ostringstream text;  // of --help and --version
    app_.exit(error, text, text);
    write_result(text.str());
    flush_results();
    return 0;
  }
  if (!is_first) std::this_thread::sleep_for(as_one_explanation);
  print_if_possible(stderr, "{}: {}\n", app_.get_name(), printable(error.what()));
  for (const std::string& wrong : app_.remaining())
    if (std::string meant = nearest_option(app_, wrong); wrong.starts_with("--") && !meant.empty())
      print_if_possible(stderr, "Did you mean {} instead of {}?\n", meant, printable(wrong));
  print_if_possible(stderr, "{} --help shows all options.\n", app_.get_name());
  return static_cast<int>(ErrorKind::usage);
}

/// Packagers ask for these, users do not: they are not in --help.
bool Program::print_papers(int argc, char** argv) const {
  std::string first = argc > 1 ? argv[1] : "";
  if (first == "--man" && argc == 2)
    write_result(manual_page(app_, std::string("manul ") + manul_version));
  else if (first == "--completion" && argc == 3)
    write_result(shell_completion(app_, argv[2]));
  else
    return false;
  flush_results();
  return true;
}

int Program::run_body(int argc, char** argv, const std::function<int()>& body) {
  if (print_papers(argc, argv)) return 0;
  try {
    app_.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return explain(error);
  }
  if (threads_ > 0) cpu::set_threads(threads_);
  if (tf32_) allow_tf32(true);
  int code = body();
  bool stopped_by_signal = code > 128;  // which a reader that has gone sends, too
  if (!stopped_by_signal) flush_results();
  return code;
}

int Program::run(int argc, char** argv, const std::function<int()>& body) {
  for (int i = 0; i < argc; ++i) command_ += (i > 0 ? " " : "") + shell_word(argv[i]);
  occupy_closed_streams();
  ignore_file_size_signal();
  flush_lines();
  auto tell_as = [&](const char* kind, const std::string& text) {
    print_if_possible(stderr, "{}: {}\n", app_.get_name(), printable(text));
    if (listener_) listener_(kind, text);
  };
  std::string error_text;
  auto tell = [&](const std::string& text) { error_text = text; };
  set_warning_handler([&](const std::string& text) {
    if (processes().is_first()) tell_as("warning", text);
  });
  int code = run_to_error(argc, argv, body, tell);
  if (error_text.empty()) return code;
  if (!processes().is_first()) error_text = fmt::format("process {}: {}", processes().rank(), error_text);
  if (!processes().is_first()) std::this_thread::sleep_for(as_one_error);
  tell_as("error", error_text);
  if (!processes().is_alone()) processes().abort(code);
  return code;
}

int Program::run_to_error(int argc, char** argv, const std::function<int()>& body,
                          const std::function<void(const std::string& text)>& tell) {
  try {
    return run_with_stack([&] { return run_body(argc, argv, body); });
  } catch (const Error& error) {
    tell(error.what());
    return error.exit_code();
  } catch (const std::bad_alloc&) {
    tell("there is not enough memory");
  } catch (const std::system_error& error) {  // of a library: its own text says less than its code
    tell(fmt::format("the system refused something that is needed: {}", error.code().message()));
  } catch (const std::exception& error) {
    tell(fmt::format("an error within the program, which should be reported: {}", error.what()));
  }
  return static_cast<int>(ErrorKind::failed);
}

CLI::Validator number_in(double low, double high) {
  return range_check<double>("number", low, high);
}

CLI::Validator unsigned_integer() {
  auto complaint = [](const std::string& text) -> std::string {
    uint64_t value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc() && end == text.data() + text.size()) return {};
    return fmt::format("{} is not a whole number from 0 to {}", text, std::numeric_limits<uint64_t>::max());
  };
  return CLI::Validator(complaint, "");
}

CLI::Validator interpolation_name() {
  std::span<const std::string_view> names = interpolation_names();
  return CLI::IsMember(std::vector<std::string>(names.begin(), names.end()));
}

CLI::Validator integer_in(int64_t low, int64_t high) {
  return range_check<int64_t>("whole number", low, high);
}

std::string version_text() {
  return fmt::format("manul {} ({})", manul_version, manul_build);
}

}  // namespace manul
