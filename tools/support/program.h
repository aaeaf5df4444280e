#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "manul/framework/device.h"

namespace manul {

/// The command line of a program: --help that begins with examples, --version, and what all programs share.
class Program {
 public:
  /// `examples` is one command a line.
  Program(const std::string& name, const std::string& purpose, const std::string& examples);

  CLI::App& options() { return app_; }
  /// The command line that run() was given, as a shell would take it again.
  const std::string& command() const { return command_; }
  /// Adds --device, asked for with device() in the body of run().
  void add_device_option(const std::string& otherwise = "auto");
  /// Adds --tf32, and allows it before the body of run().
  void add_tf32_option();
  /// The device that --device names; `auto` is the first GPU, or the CPU where it cannot be used, and then
  /// one line on stderr says why unless the caller does. Throws as Device::parse does.
  Device device(bool tell_why_not_gpu = true) const;
  /// Why device() did not take a GPU although it was free to; empty otherwise.
  const std::string& why_not_gpu() const { return why_not_gpu_; }
  /// Adds --threads, and sets the number before the body of run().
  void add_threads_option();

  /// From now on told of warnings ("warning", TEXT), and of the error that ends the program ("error", TEXT),
  /// besides stderr.
  using Listener = std::function<void(const std::string& kind, const std::string& text)>;
  void tell_also(Listener listener) { listener_ = std::move(listener); }

  /// Parses the command line, runs `body`, and returns the exit code: that of `body`, 2 if the command line
  /// cannot be parsed, or the kind of the error that was thrown, which is reported in one sentence on stderr.
  int run(int argc, char** argv, const std::function<int()>& body);

 private:
  int run_to_error(int argc, char** argv, const std::function<int()>& body,
                   const std::function<void(const std::string& text)>& tell);
  int run_body(int argc, char** argv, const std::function<int()>& body);
  bool print_papers(int argc, char** argv) const;
  int explain(const CLI::ParseError& error) const;

  CLI::App app_;
  std::string command_;
  std::string device_;
  mutable std::string why_not_gpu_;
  Listener listener_;
  bool tf32_ = false;
  int threads_ = 0;
};

/// A check for options: any number from `low` to `high`. (CLI::Range lets nan pass.)
CLI::Validator number_in(double low, double high);
/// The same for whole numbers. (CLI::Range calls 64.5 out of range.)
CLI::Validator integer_in(int64_t low, int64_t high);
/// The same for seeds: any whole number that is not negative. (CLI11 takes -1 for the largest one.)
CLI::Validator unsigned_integer();
/// One of the names that parse_interpolation() takes.
CLI::Validator interpolation_name();

/// "manul 0.1.0 (Release, GNU 12.2.0, for this machine's processor, without CUDA, commit dbf40f4)"
std::string version_text();

}  // namespace manul
