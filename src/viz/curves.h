// Training curves of one or several runs: as a page with a chart a figure, and as a picture.
#pragma once

#include <filesystem>
#include <opencv2/core.hpp>
#include <optional>
#include <string>
#include <vector>

namespace attend {

/// A point of a curve that is marked.
struct Mark {
  double x, y;
  std::string label;  // "best: 0.598, epoch 10"
};

/// A figure of one run over its steps; x ascends, both are finite and equally long.
struct Curve {
  size_t run = 0;  // whose curve: names it and gives it its colour
  std::vector<double> x, y;
  std::optional<Mark> best = std::nullopt;  // drawn as a dot, and labelled where the chart has one curve
};

struct Chart {
  std::string title;  // "validation CIDEr-D"
  std::vector<Curve> curves;
  std::string x_title = "step";
};

/// What a run is called and came to.
struct Run {
  std::string name;
  std::vector<std::string> cells;  // of its row in the page's table
};

struct Curves {
  std::vector<Run> runs;
  std::vector<std::string> columns;  // titles of Run::cells
  std::vector<Chart> charts;
};

/// Round numbers from `least` to `most`, three to eight of them; one where both are the same.
std::vector<double> ticks(double least, double most);

/// At most `count` points (an even number) that keep every peak and trough: the smallest and the largest of each of
/// count / 2 stretches.
Curve thinned(const Curve& curve, size_t count);

/// Writes the page atomically. Throws Error when it can't be written.
void write_curves_page(const std::filesystem::path& path, const Curves& curves);

/// All charts below each other in two columns, the runs' names above: u8 BGR.
cv::Mat draw_curves(const Curves& curves);

}  // namespace attend
