// A page of an evaluation: corpus figures, distributions, worst and best, and every picture with its figures.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "viz/caption_page.h"

namespace attend {

/// A figure of all pictures, as text.
struct SummaryFigure {
  std::string name, value;
  std::string range;       // that holds it with 95 % certainty, or ""
  std::string comparison;  // with another file of captions, or ""
};

/// What stands at the head of the page.
struct EvaluationSummary {
  std::vector<SummaryFigure> corpus;
  std::vector<PageFigure> figures;          // those that every picture has; the last one leads
  std::vector<std::vector<double>> values;  // [pictures][figures]
};

/// A page that grows picture by picture, in the order of summary.values and in memory for one.
class EvaluationPage {
 public:
  /// Throws Error when the file can't be written.
  EvaluationPage(const std::filesystem::path& path, const EvaluationSummary& summary);
  /// picture.figures is filled in here.
  void add(PagePicture picture);
  /// stopped: as of CaptionPage::finish().
  void finish(const std::string& stopped = "");

 private:
  HtmlFile file_;
  const EvaluationSummary& summary_;
  size_t count_ = 0;
};

}  // namespace attend
