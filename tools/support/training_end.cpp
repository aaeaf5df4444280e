#include "manul/tools/support/training_end.h"

#include "manul/framework/file_system.h"
#include "manul/framework/warning.h"
#include "manul/models/training/epoch_table.h"
#include "manul/tools/support/terminal.h"

namespace manul {
namespace {

void print_epoch(const char* which, const History& history, size_t epoch) {
  print_if_possible(stdout, "{} epoch {}: {}\n", which, epoch + 1, logs_text(history.epochs()[epoch]));
}

}  // namespace

std::string kept_text(const TrainOptions& options, const History& history, const BestEpoch& best) {
  size_t last = history.epochs().size() - 1;
  if (!best.has_best()) return fmt::format("epoch {}, the last one", last + 1);
  if (best.epoch() == last)
    return fmt::format("epoch {}, the last one and the best by {}", last + 1, best.monitor());
  if (keeps_best(options)) return fmt::format("epoch {}, the best by {}", best.epoch() + 1, best.monitor());
  return fmt::format("epoch {}, the last one; --resume --keep best saves epoch {}, the best by {}", last + 1,
                     best.epoch() + 1, best.monitor());
}

void print_end(const TrainOptions& options, const History& history, const BestEpoch& best, bool trained) {
  if (options.quiet) return;
  std::string since = fmt::format("no better {} since epoch {}, for {} epochs", best.monitor(),
                                  best.epoch() + 1, best.wait());
  bool early = history.stop_reason == StopReason::early_stopping;
  if (early && trained)
    print_if_possible(stdout, "Stopped early after epoch {}: {} (--patience {}).\n", history.epochs().size(),
                      since, options.patience);
  else if (early)
    warn(
        "nothing was trained: the run had stopped early after epoch {}: {}; a larger --patience than {}, or "
        "--patience 0, goes on",
        history.epochs().size(), since, options.patience);
  else if (!trained && history.stop_reason == StopReason::finished)
    warn("all epochs were done already; more --epochs than {} go on", history.epochs().size());
}

void print_summary(const TrainOptions& options, const Pictures& pictures, const History& history,
                   const BestEpoch& best, const RunFolder* folder) {
  if (options.quiet || history.epochs().empty()) return;
  if (best.has_best()) print_epoch("Best", history, best.epoch());
  print_epoch("Last", history, history.epochs().size() - 1);
  print_if_possible(stdout, "Saved {}: {}.\n", printable(options.output), kept_text(options, history, best));
  if (folder)
    print_if_possible(stdout, "Report, curves and the weights of both: {}\n",
                      printable(folder->path().string()));
  const auto& files = (pictures.validation ? pictures.validation : pictures.train)->files();
  const std::filesystem::path& picture = files.back().path;
  if (is_file(picture))
    print_if_possible(stdout, "Try: predict {} {}\n", shell_word(options.output),
                      shell_word(picture.string()));
  else  // it lies in a shard
    print_if_possible(stdout, "Try: evaluate {} {}\n", shell_word(options.output), shell_word(options.data));
}

}  // namespace manul
