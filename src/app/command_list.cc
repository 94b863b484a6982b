#include "app/command_list.h"

#include "base/error.h"
#include "base/nearest.h"

namespace attend {
namespace {

constexpr CommandSummary kCommands[] = {
    {"caption", "caption pictures, and show where every word looked"},
    {"merge", "join what the runs of attend caption --shard wrote, and check that all is there"},
    {"alt", "write captions into HTML pages as the alternative texts of their pictures"},
    {"score", "say how likely captions are that are given, word by word"},
    {"align", "show where every word of a given caption looked"},
    {"audit", "find captions that probably don't belong to their picture"},
    {"retrieve", "find the pictures of a text, or the texts of a picture"},
    {"compare-models", "show side by side what two models say and where each looks"},
    {"evaluate", "compare captions with what people said: BLEU, METEOR, ROUGE-L, CIDEr-D"},
    {"report", "draw the training curves of one or several runs"},
    {"inspect", "say what a model file is"},
    {"average", "make one model of several: the mean of their weights"},
    {"calibrate", "fit how sure a model's captions are, and what pictures are unfamiliar to it"},
    {"train", "train a captioner on pictures with captions"},
    {"features", "encode the pictures of a data set once, for training"},
    {"check", "say all that is wrong with a data set"},
    {"convert", "turn a data set into another form: COCO, Karpathy, CSV, JSON lines, imagefolder, WebDataset"},
    {"shapes", "write a synthetic data set with exact object masks"},
    {"tokenize", "part lines of text into the tokens that figures are computed from"},
    {"meteor-tables", "make the tables that METEOR needs; see tools/fetch-meteor"},
    {"bench", "measure how fast pictures are captioned on this machine"},
    {"completion", "print what completes commands and options in bash, zsh or fish"},
    {"man", "print the manual page of attend or of a command"},
};

}  // namespace

std::span<const CommandSummary> command_summaries() { return kCommands; }

std::vector<std::string> command_names() {
  std::vector<std::string> names;
  for (const auto& command : kCommands) names.push_back(command.name);
  return names;
}

void refuse_command(const std::string& name) {
  const auto near = nearest(name, command_names(), 1);
  throw UsageError(name + ": no such command" + (near.empty() ? ";" : "; did you mean " + near.front() + "?") +
                   " `attend --help` lists them");
}

}  // namespace attend
