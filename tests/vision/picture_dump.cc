// What attend sees in pictures, for tools/differential: picture_dump FOLDER reads names from standard input, a line each,
// writes what it reads as FOLDER/N.ppm (N: the line, from 0), and says on standard output a line each: "ok", or why not.
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <opencv2/imgcodecs.hpp>
#include <string>

#include "base/error.h"
#include "vision/picture.h"

int main(int count, char** values) {
  if (count != 2) return std::fputs("usage: picture_dump FOLDER < NAMES\n", stderr), 2;
  const std::filesystem::path folder = values[1];
  std::string name;
  for (int line = 0; std::getline(std::cin, name); ++line) {
    try {
      const auto picture = attend::read_picture(name);
      if (!cv::imwrite((folder / (std::to_string(line) + ".ppm")).string(), picture.pixels)) return 1;
      std::cout << "ok" << std::endl;
    } catch (const attend::Error& error) {
      std::cout << std::string(error.what()).substr(name.size() + 2) << std::endl;
    }
  }
}
