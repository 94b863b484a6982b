// What two captioners say of the same pictures: each a model, or another program's captions in a file, of which a model says where
// they look.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/host.h"
#include "data/caption_list.h"
#include "data/picture_id.h"
#include "decode/ensemble.h"
#include "pipeline/picture_source.h"
#include "pipeline/seen_picture.h"
#include "pipeline/unknown_words.h"

namespace attend {

/// The captions that a file has for some pictures.
struct CaptionsOfPictures {
  std::vector<std::optional<std::string>> captions;  // [pictures]; each picture's last one in the file
  size_t all = 0;                                    // that the file has
  size_t strange = 0;                                // of none of the pictures, or without words; they are left out
  size_t again = 0;                                  // of pictures that had one before
  size_t elsewhere = 0;  // found by the file's name alone: the folder that they name is another than the picture's
  std::string named_elsewhere;  // the first of these, as the file names it
  std::string taken_for;        // and the picture that got it
};

/// Reads COCO results (.json), or what read_caption_list() takes. index: places in `pictures` by id and by name. refuse gets what that
/// refuses. Throws InputError where the file can't be read, or is of a form that isn't known.
CaptionsOfPictures read_captions_of(const std::filesystem::path& file, std::span<const PictureSource> pictures,
                                    const PictureIndex& index, const TakeRefusal& refuse);

/// What a captioner says of each picture, in one caption; nothing of those that it says nothing of, or that can't be read.
using Said = std::vector<std::optional<SeenPicture>>;

struct CompareWork {
  DecodeOptions decode;
  int threads = 1;
  // gets why a picture can't be read or a caption can't be scored, in a line
  std::function<void(const std::string& refusal)> refuse = [](const std::string&) {};
};

/// Of a model: its best captions. Throws Interrupted when the host asks to stop.
Said said_by_model(Ensemble& model, std::span<const PictureSource> pictures, const CompareWork& work, const Host& host);

/// Of captions that are given, at least one: where the model looks for their words. unknown: gets the words that it doesn't know; they
/// are left out. Throws Interrupted when the host asks to stop.
Said said_in_captions(Ensemble& model, std::span<const PictureSource> pictures,
                      const std::vector<std::optional<std::string>>& captions, const CompareWork& work,
                      const Host& host, UnknownWords& unknown);

/// A picture of which both say something.
struct Compared {
  size_t picture;
  double
      disagreement;  // 0 to 1: 1 less the cosine of both captions' words, rare ones counting more; 0 for the same words
};

/// Most disagreement first, then in the order of the pictures.
std::vector<Compared> compare_said(const Said& a, const Said& b);

}  // namespace attend
