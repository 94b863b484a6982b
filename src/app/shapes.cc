#include "data/shapes.h"

#include <iostream>

#include "app/commands.h"
#include "base/interrupt.h"

namespace attend {

int shapes_command(const std::vector<std::string>& arguments) {
  const CommandSyntax syntax{
      "shapes",
      "DIR",
      1,
      1,
      "Writes a synthetic data set: pictures of coloured shapes, the one caption that each picture determines, and "
      "exact "
      "masks of every object, for training, validation and testing. A model that is trained on it shows whether "
      "attention "
      "looks at what it names. DIR must be new, empty, or such a data set, which is replaced.",
      {{"attend shapes shapes", "4,000 pictures to train on, 500 each to validate and to test on"},
       {"attend train --config configs/shapes-soft.json --output runs/shapes", "train on them"},
       {"attend evaluate --model runs/shapes/model.safetensors --captions shapes/captions_test.json --images "
        "shapes/images --pointing",
        "see how many captions are exact, and how many words look inside their object"}}};
  ShapesOptions shapes;
  OptionList options;
  shapes.list(options);
  const CommandLine line = parse_command_line(arguments, options, syntax);
  if (answer(line, syntax, options, std::cout)) return 0;
  watch_interrupts();
  write_shapes(line.positional[0], shapes);
  std::cout << line.positional[0] << "\n";
  return 0;
}

}  // namespace attend
