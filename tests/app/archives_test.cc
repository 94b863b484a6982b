// `attend caption` of archives of pictures.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zip.h>

#include <cstdlib>

#include "app/captioning.h"
#include "base/json.h"
#include "base/tar.h"

namespace attend::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class Archives : public Captioning {
 protected:
  /// A picture like no other: of another size.
  static std::string picture(int number, const std::string& extension = ".png") {
    const auto bytes = encoded(extension, gradient(40 + number, 30));
    return {bytes.begin(), bytes.end()};
  }
  struct Entry {
    std::string name, bytes;
    const char* password = nullptr;
  };
  void zip(const std::string& name, const std::vector<Entry>& entries) const {
    zip_t* made = zip_open(at(name).c_str(), ZIP_CREATE | ZIP_TRUNCATE, nullptr);
    for (const auto& entry : entries) {
      zip_source_t* source = zip_source_buffer(made, entry.bytes.data(), entry.bytes.size(), 0);
      const auto number = static_cast<zip_uint64_t>(zip_file_add(made, entry.name.c_str(), source, ZIP_FL_ENC_GUESS));
      if (entry.password) zip_file_set_encryption(made, number, ZIP_EM_TRAD_PKWARE, entry.password);
    }
    ASSERT_EQ(zip_close(made), 0);
  }
  void tar(const std::string& name, const std::vector<Entry>& entries) const {
    TarWriter writer(at(name));
    for (const auto& entry : entries) writer.add(entry.name, entry.bytes);
    writer.finish();
  }

  const std::vector<Entry> album_{{"2.png", picture(2)},       {"sub/1.jpg", picture(1, ".jpg")},
                                  {"notes.txt", "a note"},     {"sub/nameless", picture(3)},
                                  {".hidden.png", picture(4)}, {"__MACOSX/2.png", picture(5)}};
};

TEST_F(Archives, StandForTheirPicturesAsFoldersDo) {
  for (const auto& entry : album_) folder_.write("folder/" + entry.name, {entry.bytes.begin(), entry.bytes.end()});
  const auto of_folder = caption({"--recursive", "folder"});
  ASSERT_THAT(names(of_folder), ElementsAre("folder/2.png", "folder/sub/1.jpg", "folder/sub/nameless"));
  zip("album.zip", album_);
  tar("album.tar", album_);
  ASSERT_EQ(std::system(("gzip -k " + at("album.tar")).c_str()), 0);
  for (const std::string archive : {"album.zip", "album.tar", "album.tar.gz"}) {
    const auto run = caption({archive});
    EXPECT_EQ(run.status, 0) << run.err;
    std::string expected = of_folder.out;
    for (size_t found; (found = expected.find("folder/")) != expected.npos;) expected.replace(found, 7, archive + ":");
    for (size_t found; (found = expected.find(archive + ":")) != expected.npos;)
      expected.replace(found, archive.size() + 1, archive + "/");
    EXPECT_EQ(run.out, expected) << archive;
    EXPECT_THAT(run.err, HasSubstr("1 folder passed over: hidden, or thumbnails and bins; name one to go into it (" +
                                   archive + "/__MACOSX)"));
  }
  EXPECT_THAT(
      names(caption({"album.zip/sub/1.jpg", "album.zip/__MACOSX", "album.tar/sub/*", "album.zip/notes.txt"})),
      ElementsAre("album.zip/sub/1.jpg", "album.zip/__MACOSX/2.png", "album.tar/sub/1.jpg", "album.tar/sub/nameless"));
  EXPECT_THAT(caption({"album.zip/notes.txt"}).err, HasSubstr("album.zip/notes.txt: not a picture"));
  EXPECT_THAT(caption({"album.zip/none"}).err, HasSubstr("album.zip/none: the archive has no such file or folder"));
  EXPECT_THAT(names(caption({"album.zip", "--exclude", "sub"})), ElementsAre("album.zip/2.png"));
  EXPECT_THAT(names(caption({"album.zip", "--exclude", "sub/*.jpg"})),
              ElementsAre("album.zip/2.png", "album.zip/sub/nameless"));
}

TEST_F(Archives, FilesOfMembersGoToFoldersAndNowhereElse) {
  zip("album.zip", album_);
  zip("other.zip", {{"2.png", picture(7)}});
  const std::string before = read_file(at("album.zip"));
  const auto run = caption({"album.zip", "other.zip", "--sidecar-dir", "texts", "--overlay", "seen", "--maps", "maps",
                            "--maps-format", "json", "--html", "page.html", "--format", "jsonl"});
  EXPECT_EQ(run.status, 0) << run.err;
  ASSERT_THAT(run.out_lines(), SizeIs(4));
  EXPECT_EQ(Json::parse(run.out_lines()[1])["file"], "album.zip/sub/1.jpg");
  for (const std::string name : {"album.zip/2.png", "other.zip/2.png", "sub/1", "sub/nameless"}) {
    EXPECT_TRUE(fs::exists(at("texts/" + name + ".txt"))) << name;
    EXPECT_TRUE(fs::exists(at("seen/" + name + ".jpg"))) << name;
    EXPECT_TRUE(fs::exists(at("maps/" + name + ".json"))) << name;
  }
  EXPECT_THAT(read_file(at("page.html")), HasSubstr("album.zip/sub/1.jpg"));
  const auto again = caption({"album.zip", "--sidecar-dir", "texts"});
  EXPECT_THAT(again.err, HasSubstr("skipped: their files are there"));
  for (const char* flag : {"--sidecar", "--xmp", "--metadata"}) {
    const auto refused = caption({"album.zip", flag});
    EXPECT_EQ(refused.status, 2) << flag;
    EXPECT_THAT(refused.out, IsEmpty());
    EXPECT_THAT(refused.err_lines().back(),
                AllOf(HasSubstr("album.zip/2.png: lies in album.zip, and nothing is written into or beside it there"),
                      HasSubstr("--sidecar-dir")))
        << flag;
  }
  // Amid a list that comes bit by bit the others are captioned.
  folder_.write("alone.png", encoded(".png", gradient(40, 30)));
  const auto streamed = caption({"--files-from", "-", "--sidecar"}, {.input = "other.zip\nalone.png\n"});
  EXPECT_EQ(streamed.status, 1);
  EXPECT_THAT(names(streamed), ElementsAre("alone.png"));
  EXPECT_THAT(streamed.err, HasSubstr("other.zip/2.png: lies in an archive"));
  EXPECT_EQ(read_file(at("album.zip")), before);
}

TEST_F(Archives, AnIndexKnowsTheirPictures) {
  zip("album.zip", {{"1.png", picture(1)}, {"2.png", picture(2)}});
  EXPECT_THAT(names(caption({"album.zip", "--only-new", "index"})), SizeIs(2));
  EXPECT_THAT(names(caption({"album.zip", "--only-new", "index"})), IsEmpty());
  zip("album.zip", {{"1.png", picture(1)}, {"2.png", picture(2)}, {"3.png", picture(3)}});
  EXPECT_THAT(names(caption({"album.zip", "--only-new", "index"})), ElementsAre("album.zip/3.png"));
  folder_.write("2-unpacked.png", encoded(".png", gradient(42, 30)));
  EXPECT_THAT(names(caption({"2-unpacked.png", "--only-new", "index"})), IsEmpty());
}

TEST_F(Archives, WhatIsWrongWithOneIsSaidAndTheRestIsCaptioned) {
  const std::string good = picture(1);
  zip("inner.zip", {{"x.png", good}});
  zip("odd.zip", {{"good.png", good},
                  {"secret.png", good, "word"},
                  {"torn.png", good.substr(0, good.size() / 2)},
                  {"inner.zip", read_file(at("inner.zip"))},
                  {"clip.avi", "RIFF....AVI LIST"},
                  {"raw.psd", std::string("8BPS\0\x01", 6)}});
  tar("odd.tar", {{"../up.png", good},
                  {"/root.png", good},
                  {"esc\x1b[2J.png", good},
                  {"twice.png", good},
                  {"twice.png", picture(2)}});
  const std::string whole = read_file(at("odd.zip"));
  folder_.write("cut.zip", {whole.begin(), whole.begin() + static_cast<long>(whole.size() / 2)});
  folder_.write("a.rar", {'R', 'a', 'r', '!', 0x1a, 0x07, 0x00});
  const auto run = caption({"odd.zip", "odd.tar", "cut.zip", "a.rar"});
  EXPECT_EQ(run.status, 1);
  EXPECT_THAT(names(run), ElementsAre("odd.zip/good.png", "odd.tar/esc\x1b[2J.png", "odd.tar/twice.png"));
  for (const auto* line :
       {"attend: odd.zip: 1 file not read: encrypted; unpack the archive with its password first (secret.png)",
        "attend: odd.zip/torn.png: ",
        "warning: 1 archive passed over: lies in an archive; unpack that first (odd.zip/inner.zip)",
        "warning: 1 video passed over: unpack one to caption its frames (odd.zip/clip.avi)",
        "warning: 1 picture passed over: Photoshop (PSD) is not read; convert to JPEG or PNG first (odd.zip/raw.psd)",
        "attend: odd.tar: 2 files not read: the name leads out of the archive (../up.png, /root.png)",
        "warning: odd.tar: 1 file passed over: another of its name stands behind it (twice.png)",
        "attend: cut.zip: not a whole zip archive",
        "attend: a.rar: not a picture, but a RAR archive (unpack it first)"})
    EXPECT_THAT(run.err, HasSubstr(line));
  EXPECT_THAT(run.err, Not(HasSubstr("\x1b[2J")));
}

TEST_F(Archives, InFoldersAreNamed) {
  folder_.write("p/a.png", encoded(".png", gradient(40, 30)));
  zip("p/album.zip", {{"1.png", picture(1)}});
  zip("p/a.zip", {{"1.png", picture(1)}});
  zip("p/document.odt", {{"Pictures/1.png", picture(1)}});
  const auto run = caption({"p"});
  EXPECT_EQ(run.status, 0);
  EXPECT_THAT(names(run), ElementsAre("p/a.png"));
  EXPECT_THAT(run.err_lines(),
              ElementsAre("attend: warning: 2 archives passed over: name one to caption the pictures in it (p/a.zip, "
                          "p/album.zip)"));
  EXPECT_THAT(names(caption({"p/document.odt"})), ElementsAre("p/document.odt/Pictures/1.png"));
}

TEST_F(Archives, AreReadByOtherCommands) {
  zip("album.zip", album_);
  const auto scored = with_model({"score", "album.zip/2.png", "--caption", "a dog"}, {.folder = folder_.path()});
  EXPECT_EQ(scored.status, 0) << scored.err;
  EXPECT_THAT(scored.out, HasSubstr("album.zip/2.png"));
}

}  // namespace
}  // namespace attend::testing
