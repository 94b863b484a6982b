// Writes the model the tests of the program run: a small captioner with random weights, the same every time.
//   make_tiny_model FILE HIDDEN_SIZE
#include <torch/torch.h>

#include <cstdlib>

#include "model/captioner.h"

int main(int, char** values) {
  at::set_num_threads(1);
  torch::manual_seed(7);
  attend::ModelOptions options;
  options.encoder.family = "efficientnet-lite0";
  options.encoder.input_size = 96;
  options.attention.size = 16;
  options.decoder.hidden_size = std::atoi(values[2]);
  options.decoder.embedding_size = 16;
  options.decoder.annotation_size = 16;
  attend::Captioner captioner(
      options, attend::Vocabulary({"<pad>", "<start>", "<end>", "<unk>", "a", "dog", "red", "circle", "blue", "square",
                                   "above", "is", "n't", "caf\xc3\xa9", "on", "grass"}));
  captioner.decode = {{"beam_width", 3}, {"max_length", 6}, {"min_length", 2}};
  captioner.about = {{"licence", "CC0-1.0"}};
  attend::save_captioner(captioner, values[1]);
}
