#include <iostream>

#include "app/commands.h"
#include "app/rank_options.h"
#include "app/training_line.h"
#include "base/data_folder.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "train/trainer.h"

namespace attend {

int train_command(const std::vector<std::string>& arguments) {
  const CommandSyntax syntax{
      "train",
      "--config FILE --output DIR",
      0,
      0,
      "Trains a captioner on pictures with captions (of any form that docs/formats.md names: COCO, Karpathy, CSV, "
      "folders, …) and keeps the "
      "one with the best validation CIDEr as DIR/model.safetensors. Paths in a configuration start from its folder, "
      "those "
      "of flags from the working directory. Ctrl-C stops it with a checkpoint; --resume goes on, with the run's own "
      "configuration unless another is named, and with more --epochs where asked to. Started in several processes "
      "(torchrun, srun, mpirun, tools/launch), these train one model together.",
      {{"attend train --config configs/flickr8k-soft.json --output runs/flickr8k", "train by a recipe"},
       {"attend train --output runs/flickr8k --resume", "go on with a run"},
       {"attend train --config configs/flickr8k-soft.json --output runs/small --epochs 2", "a recipe with a change"},
       {"attend train --config configs/flickr8k-self-critical.json --output runs/better --initial-model "
        "runs/flickr8k/model.safetensors",
        "better a model's CIDEr-D by self-critical training"},
       {"attend train --config configs/fine-tune.json --initial-model data/models/everyday.safetensors "
        "--train-captions "
        "own/train.json --val-captions own/val.json --images own/photos --output runs/own",
        "teach a model some pictures of one's own, with their words"}},
      {"output", "resume", "train-captions", "val-captions", "images", "val-share", "initial-model", "encoder-weights",
       "epochs", "batch-size", "learning-rate", "fine-tune-stages", "threads"}};
  TrainJob job;
  RunOptions run;
  OptionList options;
  options.section("", "Run");
  options.add("output", job.output, "folder of the run: model.safetensors, checkpoint, log and configuration");
  options.add("resume", job.resume, "go on with the run in the output folder, if it has begun");
  std::filesystem::path meteor;
  options.add("meteor", meteor,
              "METEOR's tables for --reward-meteor, from tools/fetch-meteor; without it, those in data/meteor");
  job.list(options);
  run.list(options);
  RankOptions together;
  together.list(options);
  const CommandLine line = parse_training_line(arguments, options, job, syntax);
  if (answer(line, syntax, options, std::cout)) return 0;
  if (job.output.empty()) throw UsageError("--output: say which folder the run is kept in");
  say_without_effect(line, options, job);
  watch_interrupts();
  job.ranks = together.join(run);
  job.device = choose_device(run.device);
  job.threads = run.set_threads();
  if (job.train.reward_meteor > 0) job.meteor = find_meteor_tables(meteor);
  train(job);
  if (job.ranks->first()) std::cout << (job.output / "model.safetensors").string() << "\n";
  return 0;
}

}  // namespace attend
