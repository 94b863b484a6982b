// A page of an evaluation: corpus figures, distributions, worst and best, and every picture with its figures.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "viz/caption_page.h"

namespace attend {

/// What stands at the head of the page.
struct EvaluationSummary {
  std::vector<std::pair<std::string, std::string>> corpus;  // name, value as text
  std::vector<PageFigure> figures;                          // those that every picture has; the last one leads
  std::vector<std::vector<double>> values;                  // [pictures][figures]
};

/// A page that grows picture by picture, in the order of summary.values and in memory for one.
class EvaluationPage {
 public:
  /// Throws Error when the file can't be written.
  EvaluationPage(const std::filesystem::path& path, const EvaluationSummary& summary);
  /// picture.figures is filled in here.
  void add(PagePicture picture);
  void finish();

 private:
  HtmlFile file_;
  const EvaluationSummary& summary_;
  size_t count_ = 0;
};

}  // namespace attend
