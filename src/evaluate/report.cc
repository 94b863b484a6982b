#include "evaluate/report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/csv.h"

namespace attend {
namespace {

/// "22.1"; "n/a" where it isn't defined.
std::string figure_text(const std::string& key, double figure) {
  if (std::isnan(figure)) return "n/a";
  const FigureForm form = figure_form(key);
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", form.digits, form.factor * figure);
  return text;
}

/// Pads to a number of characters, whatever bytes they take.
std::string padded(const std::string& text, size_t width) {
  const auto characters = static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
  return text + std::string(characters < width ? width - characters : 0, ' ');
}

/// Pads on the left to eight bytes.
std::string to_the_right(const std::string& text) {
  return std::string(text.size() < 8 ? 8 - text.size() : 0, ' ') + text;
}

void add_measures(const Evaluation& evaluation, std::vector<FigureRow>& rows) {
  for (size_t i = 0; i < evaluation.measures.size(); ++i) {
    const auto& [key, title, corpus, pictures, of] = evaluation.measures[i];
    FigureRow row{title, figure_text(key, corpus)};
    row.kind = FigureRow::measure;
    if (!std::isnan(corpus) && !evaluation.intervals.empty()) {
      const auto& [low, high] = evaluation.intervals[i];
      row.range = figure_text(key, low) + " to " + figure_text(key, high);
    }
    if (!std::isnan(corpus) && !evaluation.others.empty()) {
      const auto& [other, p_value] = evaluation.others[i];
      char p[32];
      std::snprintf(p, sizeof p, "p = %.3f", p_value);
      row.other = figure_text(key, other), row.p_value = p;
    }
    rows.push_back(std::move(row));
  }
}

}  // namespace

std::string joined(const Json& names) {
  if (names.is_string()) return names.get<std::string>();
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name.get<std::string>();
  return text;
}

void add_figures(const Evaluation& evaluation, Json& figures) {
  const auto& pairs = evaluation.pairs;
  if (pairs.empty()) return;
  const WordUse use = word_use(pairs);
  for (const auto& measure : evaluation.measures) figures[measure.key] = measure.corpus;
  figures["mean_length"] = use.mean_length;
  figures["distinct_captions"] = use.distinct_captions;
  figures["distinct_words"] = use.distinct_words;
  figures["exact_captions"] = share_of(pairs, is_exact);
  if (evaluation.share_in_training) figures["training_captions"] = *evaluation.share_in_training;
  for (size_t i = 0; i < evaluation.intervals.size(); ++i) {
    if (std::isnan(evaluation.measures[i].corpus)) continue;
    const auto& [low, high] = evaluation.intervals[i];
    figures["intervals"][evaluation.measures[i].key] = {low, high};
  }
  for (size_t i = 0; i < evaluation.others.size(); ++i) {
    if (std::isnan(evaluation.measures[i].corpus)) continue;
    const auto& [corpus, p_value] = evaluation.others[i];
    figures["comparison"][evaluation.measures[i].key] = {
        {"other", corpus}, {"difference", evaluation.measures[i].corpus - corpus}, {"p_value", p_value}};
  }
}

FigureForm figure_form(const std::string& key) {
  return key.starts_with("cider") ? FigureForm{1, 3} : FigureForm{100, 1};
}

std::vector<FigureRow> figure_rows(const Json& figures, const Evaluation& evaluation) {
  struct Row {
    const char *key, *title, *format, *unit;
    double factor;
  };
  static constexpr Row counts[] = {
      {"pictures", "pictures", "%.0f", "", 1},
      {"references", "references", "%.0f", "", 1},
      {"pictures_without_caption", "left out", "%.0f", " of the pictures, without a caption", 1},
      {"captions_without_picture", "", "%.0f", " of the captions, of other pictures", 1}};
  static constexpr Row others[] = {
      {"mean_length", "mean length", "%.1f", " words", 1},
      {"distinct_captions", "distinct captions", "%.1f", " %", 100},
      {"distinct_words", "words used", "%.0f", "", 1},
      {"exact_captions", "exact captions", "%.1f", " %", 100},
      {"training_captions", "known captions", "%.1f", " % stand in the training captions", 100},
      {"self_bleu_4", "self-BLEU-4", "%.1f", "   of the captions of --n-best, each against its picture's others", 100},
      {"pointing", "looks inside", "%.1f", " % of the words that name an object", 100},
      {"pictures_per_second", "speed", "%.1f", " pictures/s", 1}};
  std::vector<FigureRow> rows;
  const auto add = [&](const Row& row) {
    if (!figures.contains(row.key)) return;
    char value[32];
    std::snprintf(value, sizeof value, row.format, row.factor * figures[row.key].get<double>());
    const bool of_nothing = row.key == std::string_view("pointing") && figures.value("pointing_words", 1) == 0;
    rows.push_back({row.title, of_nothing ? "n/a" : value, row.unit});
  };
  for (const char* key : {"captions", "split", "candidates", "model", "compared_with"}) {
    if (!figures.contains(key)) continue;
    FigureRow row{key, joined(figures[key])};
    std::replace(row.title.begin(), row.title.end(), '_', ' ');
    row.kind = FigureRow::name;
    rows.push_back(std::move(row));
  }
  for (const auto& row : counts) add(row);
  add_measures(evaluation, rows);
  for (const auto& row : others) add(row);
  return rows;
}

std::string figures_table(const Json& figures, const Evaluation& evaluation) {
  size_t width = 18;
  for (const auto& measure : evaluation.measures) width = std::max(width, measure.title.size());
  std::string table;
  bool after_name = false;
  for (const auto& row : figure_rows(figures, evaluation)) {
    const bool is_name = row.kind == FigureRow::name;
    if (after_name && !is_name) table += "\n";
    after_name = is_name;
    table += padded(row.title, width) + " " + (is_name ? row.value : to_the_right(row.value)) + row.unit;
    if (!row.range.empty()) table += "   " + (row.other.empty() ? row.range : padded(row.range, 14));
    if (!row.other.empty()) table += "   " + to_the_right(row.other) + "   " + row.p_value;
    table += "\n";
  }
  if (!evaluation.intervals.empty())
    table += "\nThe ranges hold the figure with 95 % certainty (bootstrap over the pictures).\n";
  if (!evaluation.others.empty())
    table += "p: how likely so clear a difference is by chance (paired bootstrap, two-sided).\n";
  return table;
}

void write_picture_csv(const std::filesystem::path& file, const std::vector<Example>& examples,
                       const std::vector<std::string>& captions, const Evaluation& evaluation) {
  AtomicFile out(file);
  std::string line = "image_id,file,caption,words";
  for (const auto& measure : evaluation.measures) line += "," + measure.key;
  out.write(line + "\r\n");
  for (size_t i = 0; i < evaluation.pairs.size(); ++i) {
    line = csv_field(examples[i].id.said()) + "," + csv_field(examples[i].picture.string()) + "," +
           csv_field(captions[i]) + "," + std::to_string(evaluation.pairs[i].candidate.size());
    for (const auto& measure : evaluation.measures) {
      char value[32];
      std::snprintf(value, sizeof value, "%.6f", measure.pictures[i]);
      line += std::isnan(measure.pictures[i]) ? "," : "," + std::string(value);
    }
    out.write(line + "\r\n");
  }
  out.commit();
}

}  // namespace attend
