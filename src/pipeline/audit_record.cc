#include "pipeline/audit_record.h"

#include "pipeline/caption_record.h"

namespace attend {
void AuditRecord::write(std::ostream& out) const {
  const Json head{{"pictures", pictures_.size()},
                  {"captions", report_.captions.size()},
                  {"refused", report_.refused},
                  {"share_of_strangers", rounded(report_.share)},
                  {"fitted", report_.fitted}};
  std::string text = head.dump(2);
  text.resize(text.rfind('\n'));
  out << text;
  bool first = true;
  const auto end = [&] { out << (first ? "]" : "\n  ]"); };
  std::string open;
  each(
      [&](const std::string& kind) {
        if (!open.empty()) end();
        open = kind, first = true;
        out << ",\n  \"" << kind << "\": [";
      },
      [&](const Json& finding) {
        out << (first ? "\n    " : ",\n    ") << one_line(finding);
        first = false;
      });
  end();
  out << "\n}\n";
}

void AuditRecord::write_lines(std::ostream& out, double least) const {
  std::string of;
  each([&](const std::string& kind) { of = kind; },
       [&](const Json& finding) {
         if (finding.is_object() && finding.contains("score") && finding["score"] < least) return;
         Json line{{"finding", of}};
         line.update(finding.is_array() ? Json{{"files", finding}} : finding);
         out << one_line(line) << "\n";
       });
}

Json AuditRecord::caption(const std::pair<size_t, size_t>& place) const {
  return {{"file", name(place.first)}, {"caption", captions_[place.first][place.second]}};
}

Json AuditRecord::names(const std::vector<size_t>& pictures) const {
  Json files = Json::array();
  for (const size_t picture : pictures) files.push_back(name(picture));
  return files;
}

void AuditRecord::each(const std::function<void(const std::string& kind)>& begin,
                       const std::function<void(const Json& finding)>& take) const {
  begin("doubtful");
  for (size_t rank = 0; rank < report_.captions.size(); ++rank) {
    const auto one = report_.captions[rank];
    Json finding = caption({one.picture, one.place});
    finding["score"] = rounded(one.score), finding["log_probability"] = rounded(one.log_probability);
    finding["contrast"] = rounded(one.contrast), finding["likeness"] = rounded(one.likeness);
    finding["words"] = one.words, finding["unknown_words"] = one.unknown;
    take(finding);
  }
  begin("alike_captions");
  for (const auto& group : words_.alike) {
    Json captions = Json::array();
    for (const size_t one : group.sentences) captions.push_back(caption(words_.place_of(one)));
    take(Json{{"equal", group.equal}, {"captions", std::move(captions)}});
  }
  begin("apart_captions");
  for (const size_t one : words_.apart) take(caption(words_.place_of(one)));
  begin("foreign_captions");
  for (const auto& one : report_.foreign) {
    Json finding = caption({one.picture, one.place});
    finding["words"] = one.words, finding["unknown_words"] = one.unknown;
    take(finding);
  }
  begin("same_pictures");
  for (const auto& group : report_.same_pictures) take(names(group));
  begin("alike_pictures");
  for (const auto& group : report_.alike_pictures) take(names(group));
  begin("leaked_pictures");
  for (const auto& [picture, other] : report_.leaked)
    take(Json{{"file", name(picture)}, {"held_out", held_out_[other].name()}});
}

}  // namespace attend
