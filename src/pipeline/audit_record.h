// All that an audit found, as JSON.
#pragma once

#include <functional>
#include <ostream>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/list_view.h"
#include "pipeline/audit.h"
#include "pipeline/audit_words.h"

namespace attend {

/// What was found and what it was found in, which are to outlive this.
class AuditRecord {
 public:
  /// pictures, captions: as audit_captions() had them; held_out: AuditWork's.
  AuditRecord(const AuditReport& report, const FoundByWords& words, const ListView<PictureSource>& pictures,
              const ListView<std::vector<std::string>>& captions, std::span<const PictureSource> held_out)
      : report_(report), words_(words), pictures_(pictures), captions_(captions), held_out_(held_out) {}

  /// One object with a list a kind of finding; written as it is made, as there may be millions.
  void write(std::ostream& out) const;
  /// An object a line, whose "finding" is its kind; captions whose score is below `least` are left out.
  void write_lines(std::ostream& out, double least) const;

 private:
  /// begin(kind) of each kind, then take(finding) of each of it.
  void each(const std::function<void(const std::string& kind)>& begin,
            const std::function<void(const Json& finding)>& take) const;
  std::string name(size_t picture) const { return pictures_[picture].name(); }
  Json caption(const std::pair<size_t, size_t>& place) const;
  Json names(const std::vector<size_t>& pictures) const;

  const AuditReport& report_;
  const FoundByWords& words_;
  const ListView<PictureSource>& pictures_;
  const ListView<std::vector<std::string>>& captions_;
  std::span<const PictureSource> held_out_;
};

}  // namespace attend
