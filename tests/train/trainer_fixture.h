// What tests of training share: a small data set, and a job that learns from it.
#pragma once

#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"
#include "base/files.h"
#include "data/shapes.h"
#include "train/trainer.h"

namespace attend {

namespace fs = std::filesystem;

/// A small data set of shapes, written once for all tests, and a folder of its own for each test's runs.
class TrainerTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    at::set_num_threads(1);
    folder_ = fs::temp_directory_path() / ("attend-trainer-test-" + std::to_string(::getpid()));
    ShapesOptions shapes;
    shapes.train = 24;
    shapes.val = 8;
    shapes.test = 2;
    shapes.picture_size = 64;
    write_shapes(folder_ / "shapes", shapes);
  }
  static void TearDownTestSuite() { fs::remove_all(folder_); }

  /// Three steps an epoch; the last stages of the encoder are trained from the second epoch on.
  static TrainJob job(const std::string& output) {
    TrainJob job;
    job.data.train_captions = folder_ / "shapes/captions_train.json";
    job.data.val_captions = folder_ / "shapes/captions_val.json";
    job.data.images = folder_ / "shapes/images";
    job.model.encoder.family = "efficientnet-lite0";
    job.model.encoder.input_size = 64;
    job.model.attention.size = 16;
    job.model.decoder.hidden_size = 32;
    job.model.decoder.embedding_size = 16;
    job.model.decoder.annotation_size = 24;
    job.train.epochs = 2;
    job.train.batch_size = 8;
    job.train.min_word_count = 1;
    job.train.warmup_steps = 2;
    job.train.fine_tune_stages = 2;
    job.train.fine_tune_from = 2;
    job.train.log_every = 1;
    job.train.validation_beam = 1;
    job.train.features = folder_ / "features";
    job.augment.crop = 0.1;
    job.decode.max_length = 12;
    job.output = folder_ / output;
    return job;
  }

  static std::vector<Json> log_of(const TrainJob& job) {
    std::vector<Json> lines;
    std::ifstream log(job.output / "log.jsonl");
    for (std::string line; std::getline(log, line);) lines.push_back(Json::parse(line));
    return lines;
  }

  static inline fs::path folder_;
};

}  // namespace attend
