#include "manul/models/hdf5/convert.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>

#include "manul/framework/available_memory.h"
#include "manul/framework/error.h"
#include "manul/framework/module.h"
#include "manul/framework/system_call.h"

namespace manul::hdf5 {
namespace {

constexpr const char* program_name = "manul/manul-hdf5-convert";
constexpr uint64_t mebibyte = uint64_t{1} << 20;
constexpr uint64_t output_factor = 64;  // weights are hardly compressible; the zeros of an optimizer are
constexpr uint64_t bytes_per_second = 8 * mebibyte;
constexpr uint64_t shortest_seconds = 20;
constexpr uint64_t waiting_factor = 10;  // time by the clock for one of the processor: others want it too
constexpr size_t longest_reason = 500;

class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  ~Descriptor() { reset(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  void reset() {
    if (number_ >= 0) ::close(number_);
    number_ = -1;
  }
  int release() { return std::exchange(number_, -1); }
  operator int() const { return number_; }  // NOLINT: passed to system calls

 private:
  int number_;
};

/// Starts the program with these as stdin, stdout and stderr, and nothing of our environment. Returns the
/// error number, 0 for none.
int start(const std::string& program, std::vector<std::string> arguments, const std::array<int, 3>& files,
          pid_t& process) {
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  std::string no_plugins = "HDF5_PLUGIN_PRELOAD=::";
  std::array<char*, 2> environment = {no_plugins.data(), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  for (int i = 0; i < 3; ++i) ::posix_spawn_file_actions_adddup2(&actions, files[i], i);
  sigset_t none;
  ::sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  int error =
      ::posix_spawn(&process, program.c_str(), &actions, &attributes, argv.data(), environment.data());
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  return error;
}

/// What the process writes to the pipe until it ends; it is killed after `seconds`.
std::string wait_for(pid_t process, int pipe, uint64_t seconds) {
  using Clock = std::chrono::steady_clock;
  Clock::time_point end = Clock::now() + std::chrono::seconds(seconds);
  std::string text;
  bool late = false;
  for (;;) {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    pollfd ready = {pipe, POLLIN, 0};
    int found = left > 0 ? ::poll(&ready, 1, static_cast<int>(std::min<int64_t>(left, 1000))) : 0;
    if (left <= 0) {
      late = true;
      break;
    }
    if (found <= 0) continue;
    std::array<char, 512> part{};
    ssize_t got = retried([&] { return ::read(pipe, part.data(), part.size()); });
    if (got <= 0) break;
    if (text.size() < longest_reason) text.append(part.data(), static_cast<size_t>(got));
  }
  if (late) ::kill(process, SIGKILL);
  retried([&] { return ::waitpid(process, nullptr, 0); });
  return late ? "libhdf5 takes too long for it" : text;
}

}  // namespace

std::shared_ptr<const OpenFile> convert(const OpenFile& file, const std::string& why) {
  auto refuse = [&](const std::string& reason) { fail(ErrorKind::model_file, "{}; {}", why, reason); };
  std::string program = find_companion(program_name);
  if (program.empty())
    refuse(fmt::format("{}, which would convert it, is not found (h5repack may help)", program_name));
  Descriptor output(::memfd_create("manul-converted", MFD_CLOEXEC));
  std::array<int, 2> ends{-1, -1};
  bool made = output >= 0 && ::pipe2(ends.data(), O_CLOEXEC) == 0;
  Descriptor from(ends[0]), to(ends[1]);
  if (!made) refuse(std::string("it cannot be converted: ") + std::strerror(errno));

  uint64_t available = static_cast<uint64_t>(available_memory());
  uint64_t largest = std::min({OpenFile::largest, output_factor * (file.size() + mebibyte), available / 4});
  uint64_t seconds = shortest_seconds + (file.size() + largest / 8) / bytes_per_second;
  uint64_t memory = 256 * mebibyte + 3 * (file.size() + largest);
  pid_t process = 0;
  int error = start(program,
                    {program, std::to_string(memory), std::to_string(largest + mebibyte),
                     std::to_string(seconds), std::to_string(largest)},
                    {file.descriptor(), output, to}, process);
  if (error != 0) refuse(std::string("manul-hdf5-convert cannot be started: ") + std::strerror(error));
  to.reset();
  std::string said = wait_for(process, from, waiting_factor * seconds);
  if (said != "done")
    refuse(said.empty() ? "libhdf5, which would convert it, ended at once: it is damaged or too large"
                        : "libhdf5 cannot convert it: " + said);
  return std::make_shared<const OpenFile>(file.name(), output.release());
}

}  // namespace manul::hdf5
