#include "train/features.h"

#include <iostream>

#include "app/rank_options.h"
#include "app/training_line.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "train/initial_model.h"

namespace attend {

int features_command(const std::vector<std::string>& arguments) {
  const CommandSyntax syntax{
      "features",
      "--config FILE --features DIR",
      0,
      0,
      "Encodes the pictures of a data set once and keeps their annotations, in half precision, in the feature store "
      "that "
      "training reads them from (training does this by itself when needed). Interrupted and run again, it goes on "
      "where "
      "it stopped; started in several processes (torchrun, srun, mpirun, tools/launch), each encodes its share. It "
      "reads a recipe as `attend train` does; only the pictures, the encoder with its weights "
      "(train.encoder_weights or train.initial_model), and train.features matter to it.",
      {{"attend features --config configs/flickr8k-soft.json --features features",
        "encode the pictures of a recipe; then train with --features features"},
       {"attend features --train-captions train.json --images photos --family resnet50 --encoder-weights resnet50.pth "
        "--features features",
        "without a recipe"}},
      {"features", "train-captions", "val-captions", "images", "encoder-weights", "threads"}};
  TrainJob job;
  RunOptions run;
  OptionList options;
  job.list(options);
  run.list(options);
  RankOptions together;
  together.list(options);
  const CommandLine line = parse_training_line(arguments, options, job, syntax);
  if (answer(line, syntax, options, std::cout)) return 0;
  if (job.train.features.empty()) throw UsageError("--features: say which folder the features are kept in");
  job.data.all_sources();  // whether there are any shows now
  const bool imported = job.train.initial_model.empty();
  if (imported && job.train.encoder_weights.empty())
    throw UsageError("--encoder-weights: say which file holds the encoder's weights, or --initial-model: which model");
  watch_interrupts();
  const auto ranks = together.join(run);
  const int threads = run.set_threads();
  const auto device = choose_device(run.device);
  std::vector<std::filesystem::path> pictures;
  for (auto& example : read_dataset(job.data).examples) pictures.push_back(std::move(example.picture));
  Captioner captioner = imported ? Captioner(job.model, Vocabulary::build({}, 1)) : initial_captioner(job);
  if (imported) take_encoder_weights(*captioner.encoder, job.model.encoder, job.train.encoder_weights);
  captioner.to(device);
  std::vector<Refusal> refused;
  const auto store = encode_features(captioner, pictures, job.train.features, threads, refused, *ranks);
  put_up_with(refused, pictures, job.data.max_faulty);
  if (ranks->first()) std::cout << store.rows_file().string() << "\n";
  return 0;
}

}  // namespace attend
