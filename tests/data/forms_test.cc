// Data sets as their own communities' tools write them, and what is said of those that are faulty.
#include "data/forms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdlib>
#include <opencv2/imgcodecs.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/said.h"
#include "base/tar.h"
#include "data/temporary_folder.h"

namespace attend {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class FormsTest : public ::testing::Test {
 protected:
  /// A small picture, another for each number.
  static std::string picture(int number) {
    std::vector<unsigned char> bytes;
    cv::imencode(".png", cv::Mat(4, 6, CV_8UC3, cv::Scalar(number, 2 * number, 255 - number)), bytes);
    return {bytes.begin(), bytes.end()};
  }

  Dataset read(const std::string& name, double max_faulty = 0, const std::filesystem::path& images = {}) {
    Said said;
    Dataset dataset;
    try {
      dataset = read_captions(folder_ / name, images, "train", max_faulty);
    } catch (...) {
      said_ = said.text;
      throw;
    }
    said_ = said.text;
    return dataset;
  }

  std::string refusal(const std::string& name, double max_faulty = 0) {
    try {
      read(name, max_faulty);
    } catch (const InputError& error) {
      return error.what();
    }
    return "";
  }

  /// "name [split]: caption / caption" of each, the name below the folder.
  std::vector<std::string> said(const Dataset& dataset) const {
    std::vector<std::string> lines;
    for (const auto& example : dataset.examples) {
      std::string line = example.picture.lexically_relative(folder_.path()).string() + " [" + example.split + "]:";
      for (const auto& caption : example.captions) line += (line.back() == ':' ? " " : " / ") + caption;
      lines.push_back(line);
    }
    return lines;
  }

  Form form(const std::string& name) const { return form_of(folder_ / name).form; }

  TemporaryFolder folder_;
  std::string said_;
};

TEST_F(FormsTest, Flickr8k) {
  for (const char* name : {"a.jpg", "b.jpg", "c.jpg", "d.jpg"})
    folder_.write(std::string("Flicker8k_Dataset/") + name, picture(1));
  folder_.write("text/Flickr8k.token.txt",
                "a.jpg#0\tA child in a pink dress , climbing .\na.jpg#1\tA girl .\nb.jpg#0\tTwo dogs .\nc.jpg#0\tA "
                "man\nd.jpg#0\tA boat\n");
  EXPECT_THAT(said(read("text/Flickr8k.token.txt")),
              ElementsAre("Flicker8k_Dataset/a.jpg [train]: A child in a pink dress , climbing . / A girl .",
                          "Flicker8k_Dataset/b.jpg [train]: Two dogs .", "Flicker8k_Dataset/c.jpg [train]: A man",
                          "Flicker8k_Dataset/d.jpg [train]: A boat"));
  folder_.write("text/Flickr_8k.trainImages.txt", "a.jpg\r\nb.jpg\r\n");
  folder_.write("text/Flickr_8k.devImages.txt", "c.jpg\n");
  const Dataset dataset = read("text/Flickr8k.token.txt");
  EXPECT_EQ(form("text/Flickr8k.token.txt"), Form::kTokens);
  EXPECT_THAT(dataset.split("train"), ElementsAre(0, 1));
  EXPECT_THAT(dataset.split("val"), ElementsAre(2));
  EXPECT_THAT(said_, HasSubstr("1 picture left out: in no split's list"));
  EXPECT_EQ(read("text").examples.size(), 3u);  // the folder will do
  folder_.write("text/Flickr_8k.testImages.txt", "b.jpg\n");
  EXPECT_THAT(refusal("text/Flickr8k.token.txt"), HasSubstr("b.jpg is in another split's list"));
}

TEST_F(FormsTest, Flickr8kFaultsAreNamedByLine) {
  folder_.write("t/Images/a.jpg", picture(1));
  folder_.write("t/Flickr8k.token.txt",
                "a.jpg#0\tA dog\na.jpg#1 without a tab\nb.jpg#0\tIts picture is missing\na.jpg#2\t. !\n");
  EXPECT_THAT(said(read("t/Flickr8k.token.txt", 1)), ElementsAre("t/Images/a.jpg [train]: A dog"));
  EXPECT_THAT(said_, AllOf(HasSubstr("line 2: NAME#0"), HasSubstr("files missing: 1"),
                           HasSubstr("without a word: 1 (line 4)")));
}

TEST_F(FormsTest, Flickr30k) {
  folder_.write("flickr30k_images/1.jpg", picture(1));
  folder_.write("flickr30k_images/2.jpg", picture(2));
  folder_.write("results.csv",
                "image_name| comment_number| comment\n1.jpg| 0| Two young guys , with shaggy hair .\n1.jpg| 1| \"Two\" "
                "men\n2.jpg| 0| A child | a dress\n");
  const Dataset dataset = read("results.csv");
  EXPECT_EQ(form("results.csv"), Form::kTable);
  EXPECT_THAT(said(dataset),
              ElementsAre("flickr30k_images/1.jpg [train]: Two young guys , with shaggy hair . / \"Two\" men",
                          "flickr30k_images/2.jpg [train]: A child | a dress"));
  folder_.write("results.csv",
                "image_name| comment_number| comment\n1.jpg| 0| A\n2.jpg| 4   A dog runs across the grass .\n");
  EXPECT_EQ(read("results.csv", 0.5).examples.size(), 1u);
  EXPECT_THAT(said_, HasSubstr("line 3: 2 fields in place of 3"));
}

TEST_F(FormsTest, Kaggle) {
  folder_.write("Images/1.jpg", picture(1));
  folder_.write("Images/2.jpg", picture(2));
  folder_.write("captions.txt",
                "image,caption\n1.jpg,A child in a pink dress\n1.jpg,\"A girl, \"\"happy\"\", climbs\"\n2.jpg,A dog, a "
                "cat and a bird\n");
  EXPECT_THAT(said(read("captions.txt")),
              ElementsAre("Images/1.jpg [train]: A child in a pink dress / A girl, \"happy\", climbs",
                          "Images/2.jpg [train]: A dog, a cat and a bird"));
  EXPECT_EQ(read(".").examples.size(), 2u);
  folder_.write("open.csv", "image,caption\n1.jpg,A\n2.jpg,\"not closed\n");
  EXPECT_THAT(refusal("open.csv"), HasSubstr("open.csv:3: a quote that is never closed"));
}

TEST_F(FormsTest, TablesWithNamedColumns) {
  for (const char* name : {"1.jpg", "2.jpg"}) folder_.write(name, picture(1));
  folder_.write("a.tsv", "Split\tID\tCaption\tFile_Name\nvalidation\t7\tA dog\t1.jpg\ntest\t8\tA cat\t2.jpg\n");
  const Dataset dataset = read("a.tsv");
  EXPECT_THAT(said(dataset), ElementsAre("1.jpg [val]: A dog", "2.jpg [test]: A cat"));
  EXPECT_EQ(dataset.examples[0].id.number, 7);
  folder_.write("b.csv", "\xef\xbb\xbfpath;caption_1;caption_2;source\r\n1.jpg;A dog;;human\r\n2.jpg;A cat;Two;\r\n");
  EXPECT_THAT(said(read("b.csv")), ElementsAre("1.jpg [train]: A dog", "2.jpg [train]: A cat / Two"));
  EXPECT_THAT(read("b.csv").origins, ElementsAre("", "human"));
  folder_.write("c.csv", "one,two\n1.jpg,A dog\n");
  EXPECT_THAT(refusal("c.csv"), HasSubstr("c.csv:1: no column of pictures"));
  folder_.write("d.csv", "image,caption,n\n1.jpg,A dog,1\n1.jpg,A\n2.jpg,A,3,4\n../3.jpg,A,1\n,A,1\n1.jpg,caf\xe9,1\n");
  EXPECT_EQ(read("d.csv", 1).examples.size(), 1u);
  EXPECT_THAT(said_, AllOf(HasSubstr("line 3: 2 fields in place of 3"), HasSubstr("line 4: 4 fields"),
                           HasSubstr("leave the images folder"), HasSubstr("line 6: no name"),
                           HasSubstr("not in UTF-8: 1 (line 7)")));
}

TEST_F(FormsTest, JsonLines) {
  folder_.write("i/1.jpg", picture(1));
  folder_.write("i/2.jpg", picture(2));
  folder_.write("a.jsonl",
                "{\"image\": \"1.jpg\", \"caption\": \"A dog\", \"image_id\": 42}\n\n{\"file_name\": \"2.jpg\", "
                "\"captions\": [\"A cat\", \"Two\"], "
                "\"split\": \"test\"}\n{\"image\": \"1.jpg\", \"text\": \"A puppy\", \"split\": \"train\"}\n");
  EXPECT_EQ(form("a.jsonl"), Form::kJsonLines);
  const Dataset dataset = read("a.jsonl", 0, folder_ / "i");
  EXPECT_THAT(said(dataset), ElementsAre("i/1.jpg [train]: A dog / A puppy", "i/2.jpg [test]: A cat / Two"));
  EXPECT_EQ(dataset.examples[0].id.number, 42);
  folder_.write("one.jsonl", "{\"image\": \"i/1.jpg\", \"sentences\": [{\"raw\": \"A dog\"}]}");
  EXPECT_THAT(said(read("one.jsonl")), ElementsAre("i/1.jpg [train]: A dog"));
  folder_.write("cut.jsonl", "{\"image\": \"1.jpg\", \"caption\": \"A\"}\n{\"image\": \"2.jp");
  EXPECT_THAT(refusal("cut.jsonl", 1), HasSubstr("cut.jsonl:2:"));
  folder_.write("bad.jsonl",
                "{\"image\": \"i/1.jpg\", \"caption\": \"A\"}\n{\"caption\": \"B\"}\n{\"image\": 3}\n[]\n{\"image\": "
                "\"i/2.jpg\", \"caption\": 5}\n");
  EXPECT_EQ(read("bad.jsonl", 1).examples.size(), 1u);
  EXPECT_THAT(said_, AllOf(HasSubstr("malformed: 4"), HasSubstr("line 2: no name"),
                           HasSubstr("line 3: image is no string"), HasSubstr("line 4: no object")));
}

TEST_F(FormsTest, JsonLists) {
  folder_.write("val2014/COCO_val2014_000000000042.jpg", picture(1));
  folder_.write("val2014/COCO_val2014_000000000043.jpg", picture(2));
  // As BLIP's files of COCO are: a record a caption to train on, one a picture with all of them to validate on.
  folder_.write("train.json",
                " [\n{\"caption\": \"A dog\", \"image\": \"val2014/COCO_val2014_000000000042.jpg\", \"image_id\": "
                "\"coco_42\"}, {\"caption\": \"A cat\", \"image\": \"val2014/COCO_val2014_000000000043.jpg\", "
                "\"image_id\": \"coco_43\"},\n{\"caption\": \"A puppy\", \"image\": "
                "\"val2014/COCO_val2014_000000000042.jpg\", \"image_id\": \"coco_42\"}]");
  EXPECT_EQ(form("train.json"), Form::kJsonList);
  const std::vector<std::string> expected{"val2014/COCO_val2014_000000000042.jpg [train]: A dog / A puppy",
                                          "val2014/COCO_val2014_000000000043.jpg [train]: A cat"};
  EXPECT_EQ(said(read("train.json")), expected);
  EXPECT_EQ(read("train.json").examples[0].id.text, "coco_42");
  folder_.write("val.json",
                "[{\"image\": \"val2014/COCO_val2014_000000000042.jpg\", \"caption\": [\"A dog\", \"A puppy\"]}, "
                "{\"image\": \"val2014/COCO_val2014_000000000043.jpg\", \"caption\": [\"A cat\"]}]");
  EXPECT_EQ(said(read("val.json")), expected);
  folder_.write("bad.json",
                "[{\"image\": \"val2014/COCO_val2014_000000000042.jpg\", \"caption\": \"A\"}, {\"caption\": \"B\"}, 3, "
                "{\"image\": 3}, []]");
  EXPECT_EQ(read("bad.json", 1).examples.size(), 1u);
  EXPECT_THAT(said_, AllOf(HasSubstr("malformed: 4"), HasSubstr("[1]: no name of a picture's file"),
                           HasSubstr("[2]: no object"), HasSubstr("[3]: image is no string")));
  folder_.write("cut.json", "[{\"image\": \"val2014/COCO_val2014_000000000042.jpg\", \"caption\": \"A\"}, {\"im");
  EXPECT_THAT(refusal("cut.json", 1), HasSubstr("cut.json:1:74: "));
  folder_.write("results.json", "[{\"image_id\": 42, \"caption\": \"A dog\"}]");
  EXPECT_THAT(refusal("results.json"), HasSubstr("but a result, which names an id alone"));
}

TEST_F(FormsTest, ImageFolders) {
  for (const char* name : {"f/train/1.jpg", "f/train/2.jpg", "f/validation/3.jpg", "g/1.jpg", "g/sub/2.jpg"})
    folder_.write(name, picture(1));
  folder_.write("f/train/metadata.jsonl",
                "{\"file_name\": \"1.jpg\", \"text\": \"A dog\"}\n{\"file_name\": \"2.jpg\", \"text\": \"A cat\"}\n");
  folder_.write("f/validation/metadata.csv", "file_name,text\n3.jpg,\"A bird, blue\"\n");
  EXPECT_EQ(form("f"), Form::kImageFolder);
  EXPECT_THAT(said(read("f")), ElementsAre("f/train/1.jpg [train]: A dog", "f/train/2.jpg [train]: A cat",
                                           "f/validation/3.jpg [val]: A bird, blue"));
  folder_.write(
      "g/metadata.jsonl",
      "{\"file_name\": \"1.jpg\", \"text\": \"A dog\"}\n{\"file_name\": \"sub/2.jpg\", \"text\": \"A cat\"}\n");
  for (const char* name : {"g", "g/"})
    EXPECT_THAT(said(read(name)), ElementsAre("g/1.jpg [train]: A dog", "g/sub/2.jpg [train]: A cat"));
  read("g", 0, folder_.path());
  EXPECT_THAT(said_, HasSubstr("of no effect"));
}

/// The line that is printed is one that a shell runs.
TEST_F(FormsTest, ParquetIsRefusedWithWhatToRun) {
  const fs::path golden = fs::path(ATTEND_SOURCE_DIR) / "tests/data/golden/pandas.parquet";
  const std::string table = read_file(golden);
  folder_.write("o'p/metadata.parquet", table);
  folder_.write("table.parquet", table);
  folder_.write("repository/data/train-00000-of-00001.parquet", table);
  folder_.write("mixed/a.png", picture(1));
  folder_.write("mixed/a.txt", "A dog");
  folder_.write("mixed/other.parquet", table);
  EXPECT_THAT(refusal("repository"), HasSubstr("train-00000-of-00001.parquet: pictures in Parquet are not read"));
  EXPECT_EQ(read("mixed").examples.size(), 1u);
  for (const std::string name : {"o'p", "table.parquet"}) {
    const std::string line = refusal(name);
    EXPECT_THAT(line, HasSubstr("parquet: Parquet is not read; write it as JSON lines"));
    EXPECT_EQ(line.find('\n'), line.npos);
    if (std::system("python3 -c 'import pandas, pyarrow' > /dev/null 2>&1") != 0) continue;
    ASSERT_EQ(std::system(line.substr(line.find("python3")).c_str()), 0) << line;
    for (const char* picture_name : {"1.png", "2.png"})
      folder_.write((name == "o'p" ? name + "/" : "") + picture_name, picture(1));
    EXPECT_EQ(read(name == "o'p" ? name : "table.jsonl").examples.size(), 2u);
  }
}

/// Files that pandas, datasets and webdataset wrote (tools/golden/community.py).
TEST_F(FormsTest, FilesOfOtherToolsAreRead) {
  const fs::path golden = fs::path(ATTEND_SOURCE_DIR) / "tests/data/golden";
  for (const char* name : {"1.png", "2.png"}) folder_.write(name, picture(1));
  for (const char* name : {"pandas.csv", "pandas-index.tsv", "pandas.jsonl", "pandas-lists.jsonl", "datasets.csv",
                           "datasets.jsonl", "webdataset-train-000.tar", "webdataset.tar.gz"})
    fs::copy_file(golden / name, folder_ / name);
  const auto expected = ElementsAre("1.png [train]: A dog, \"Rex\"", "2.png [train]: Ein Hünd – zwei / a cat and more");
  for (const char* name :
       {"pandas.csv", "pandas-index.tsv", "pandas.jsonl", "pandas-lists.jsonl", "datasets.csv", "datasets.jsonl"})
    EXPECT_THAT(said(read(name)), expected) << name;
  EXPECT_THAT(said(read("webdataset-train-000.tar")),
              ElementsAre("webdataset-train-000.tar/0001.png [train]: A dog, \"Rex\"",
                          "webdataset-train-000.tar/sub/0002.png [train]: Ein Hünd – zwei"));
  EXPECT_EQ(read_regular_file(folder_ / "webdataset-train-000.tar/0001.png", 4), "\x89PNG");
  EXPECT_THAT(said(read("webdataset.tar.gz")), ElementsAre("webdataset.tar.gz/0001.png [train]: A dog"));
}

TEST_F(FormsTest, Sidecars) {
  for (const char* name : {"s/a.png", "s/b.png", "s/deep/c.png", "s/d.png"}) folder_.write(name, picture(1));
  folder_.write("s/a.txt", "A dog\nA puppy\n\n");
  folder_.write("s/b.png.txt", "A cat\r\n");
  folder_.write("s/deep/c.caption", "A bird");
  EXPECT_EQ(form("s"), Form::kSidecars);
  EXPECT_THAT(said(read("s", 0.25)), ElementsAre("s/a.png [train]: A dog / A puppy", "s/b.png [train]: A cat",
                                                 "s/deep/c.png [train]: A bird"));
  EXPECT_THAT(said_, HasSubstr("without captions: 1 (d.png)"));
  for (const char* name : {"t/train/a.png", "t/val/b.png"}) folder_.write(name, picture(1));
  folder_.write("t/train/a.txt", "A dog");
  folder_.write("t/val/b.txt", "A cat");
  EXPECT_THAT(said(read("t")), ElementsAre("t/train/a.png [train]: A dog", "t/val/b.png [val]: A cat"));
  std::filesystem::create_directory(folder_ / "empty");
  EXPECT_THAT(refusal("empty"), HasSubstr("no pictures in it"));
}

TEST_F(FormsTest, WebDatasets) {
  std::filesystem::create_directory(folder_ / "w");
  {
    TarWriter tar(folder_ / "w/flickr-train-000.tar");
    tar.add("000.png", picture(1));
    tar.add("000.txt", "A dog");
    tar.add("001.json", "{\"captions\": [\"A cat\", \"Two\"], \"id\": 9}");
    tar.add("001.image.png", picture(2));
    tar.add("readme.txt2", "not of a sample");
    tar.finish();
  }
  {
    TarWriter tar(folder_ / "w/flickr-val-000.tar");
    tar.add("./000.png", picture(3));
    tar.add("./000.caption", "A bird");
    tar.finish();
  }
  EXPECT_EQ(form("w"), Form::kWebDataset);
  EXPECT_EQ(form("w/flickr-val-000.tar"), Form::kWebDataset);
  const Dataset dataset = read("w");
  EXPECT_THAT(said(dataset), ElementsAre("w/flickr-train-000.tar/000.png [train]: A dog",
                                         "w/flickr-train-000.tar/001.image.png [train]: A cat / Two",
                                         "w/flickr-val-000.tar/000.png [val]: A bird"));
  EXPECT_EQ(dataset.examples[0].id.text, "000");
  EXPECT_EQ(dataset.examples[1].id.number, 9);
  EXPECT_EQ(read_file(dataset.examples[2].picture), picture(3));  // where it lies
  EXPECT_THAT(said(read("w/flickr-val-000.tar")), ElementsAre("w/flickr-val-000.tar/000.png [val]: A bird"));
  std::string bytes = read_file(folder_ / "w/flickr-train-000.tar");
  folder_.write("cut.tar", bytes.substr(0, bytes.size() / 2));
  EXPECT_THAT(refusal("cut.tar", 1), HasSubstr("cut.tar: not a whole tar archive: byte"));
  {
    TarWriter tar(folder_ / "faults.tar");
    tar.add("a.png", picture(1)), tar.add("a.txt", "A dog"), tar.add("b.txt", "no picture"),
        tar.add("c.png", picture(2)), tar.add("c.json", "{");
    tar.finish();
  }
  EXPECT_EQ(read("faults.tar", 1).examples.size(), 1u);
  EXPECT_THAT(said_,
              AllOf(HasSubstr("captions without a picture: 1 (faults.tar/b)"), HasSubstr("faults.tar/c.json:1:")));
}

TEST_F(FormsTest, ArchivesAreNamedByPatterns) {
  std::filesystem::create_directory(folder_ / "w");
  std::vector<std::string> all;
  for (int i = 8; i < 12; ++i) {
    const std::string number = std::to_string(i), name = std::string(i < 10 ? "w/s-0" : "w/s-") + number + ".tar";
    TarWriter tar(folder_ / name);
    tar.add(number + ".png", picture(i)), tar.add(number + ".txt", "Picture " + number);
    tar.finish();
    all.push_back(name + "/" + number + ".png [train]: Picture " + number);
  }
  EXPECT_EQ(form("w/s-{08..11}.tar"), Form::kWebDataset);
  EXPECT_EQ(said(read("w/s-{08..11}.tar")), all);
  EXPECT_EQ(said(read("w/s-{08,09,10,11}.tar")), all);
  EXPECT_EQ(said(read("w/{s}-{1}{0..1}.tar")), (std::vector<std::string>{all[2], all[3]}));
  EXPECT_THAT(refusal("w/s-{08..12}.tar", 1), HasSubstr("w/s-12.tar: No such file"));
  EXPECT_THAT(refusal("w/s-{11..08}.tar", 1), HasSubstr("{11..08} is no range that counts up"));
  std::filesystem::copy(folder_ / "w/s-08.tar", folder_ / "w/s-{08..11}.tar");  // a file of this name is that file
  EXPECT_EQ(read("w/s-{08..11}.tar").examples.size(), 1u);
}

/// Archives in gzip are read where they lie, whatever their names say, and what isn't one of a data set is named.
TEST_F(FormsTest, ArchivesMayBeCompressed) {
  const std::string packed =
      read_file(std::filesystem::path(ATTEND_SOURCE_DIR) / "tests/data/golden/webdataset.tar.gz");
  folder_.write("w/val-0.tar.gz", packed), folder_.write("w/train-0.tgz", packed), folder_.write("odd", packed);
  EXPECT_EQ(form("w"), Form::kWebDataset);
  const Dataset dataset = read("w");
  EXPECT_THAT(said(dataset),
              ElementsAre("w/train-0.tgz/0001.png [train]: A dog", "w/val-0.tar.gz/0001.png [val]: A dog"));
  EXPECT_EQ(read_regular_file(dataset.examples[1].picture, 4), "\x89PNG");
  EXPECT_THAT(said(read("odd")), ElementsAre("odd/0001.png [train]: A dog"));
  folder_.write("w/val-0.tar", read_file(folder_ / "w/val-0.tar.gz"));  // unpacked beside it, or so it seems
  EXPECT_EQ(read("w").examples.size(), 2u);                             // not three
  for (int i = 0; i < 17; ++i) folder_.write("many/" + std::to_string(i) + ".tar.gz", packed);
  EXPECT_THAT(refusal("many", 1), AllOf(HasSubstr("17 compressed archives"), HasSubstr("gunzip -k")));
  std::filesystem::remove(folder_ / "many/0.tar.gz");
  EXPECT_EQ(read("many").examples.size(), 16u);
  const gzFile lines = ::gzopen((folder_ / "captions.json.gz").c_str(), "wb");
  ::gzputs(lines, "{\"images\": []}");
  ::gzclose(lines);
  EXPECT_THAT(refusal("captions.json.gz"), HasSubstr("captions.json.gz: is compressed (gzip); unpack it first"));
  folder_.write("data.zip", "PK\x03\x04...");
  EXPECT_THAT(refusal("data.zip"), HasSubstr("data.zip: is a zip archive; unpack it first"));
}

TEST_F(FormsTest, WhatAnArchiveHoldsBesideIsSaid) {
  TarWriter tar(folder_ / "twice.tar");
  tar.add("a.png", picture(1)), tar.add("a.txt", "A cat"), tar.add("a.txt", "A dog");
  tar.finish();
  EXPECT_THAT(said(read("twice.tar")), ElementsAre("twice.tar/a.png [train]: A dog"));
  EXPECT_THAT(said_, HasSubstr("twice.tar: 1 member passed over: another of its name stands behind it (a.txt)"));
  TarWriter outside(folder_ / "out.tar");
  outside.add("../a.png", picture(1)), outside.finish();
  EXPECT_THAT(refusal("out.tar", 1), HasSubstr("out.tar: \"../a.png\": the name leads out of the archive"));
}

TEST_F(FormsTest, ASplitThatIsMadeUpIsSaid) {
  folder_.write("a.csv", "image,caption\na.jpg,A dog\nb.jpg,A cat\n");
  folder_.write("b.csv", "image,caption,split\na.jpg,A dog,mine\n");
  const auto of = [&](const std::string& name, const std::string& split) {
    Said said;
    read_captions(folder_ / name, {}, split, 0);
    return said.text;
  };
  EXPECT_THAT(of("a.csv", "mine"), HasSubstr("a.csv: says no splits: all 2 pictures count as \"mine\""));
  EXPECT_EQ(of("a.csv", kAllPictures), "");
  EXPECT_EQ(of("b.csv", "mine"), "");
  DataOptions options;
  options.train_captions = folder_ / "a.csv";
  options.val_captions = folder_.write("c.csv", "image,caption\nc.jpg,A dog\n");
  Said said;
  read_dataset(options);
  EXPECT_EQ(said.text, "");  // two files, and what each is there for is said
  options.train_split = "mine";
  read_dataset(options);
  EXPECT_THAT(said.text, HasSubstr("a.csv: says no splits: all 2 pictures count as \"mine\""));
}

TEST_F(FormsTest, WhatToolsWriteIsRead) {
  const std::string python = "cd " + folder_.path().string() + " && python3 -c ";
  const auto run = [&](const std::string& code) {
    return std::system((python + "\"" + code + "\" > /dev/null 2>&1").c_str()) == 0;
  };
  for (const char* name : {"1.png", "2.png"}) folder_.write(name, picture(1));
  int tried = 0;
  if (run("import pandas; d = pandas.DataFrame({'image': ['1.png', '2.png'], 'caption': ['A dog, \\'brown\\'', 'A "
          "cat']}); "
          "d.to_csv('p.csv', index=False); d.to_csv('p.tsv', sep='\\t'); d.to_json('p.jsonl', orient='records', "
          "lines=True)")) {
    ++tried;
    for (const char* file : {"p.csv", "p.tsv", "p.jsonl"})
      EXPECT_THAT(said(read(file)), ElementsAre("1.png [train]: A dog, 'brown'", "2.png [train]: A cat")) << file;
  }
  if (run("import webdataset; w = webdataset.TarWriter('w.tar'); "
          "w.write({'__key__': 'k1', 'png': open('1.png', 'rb').read(), 'txt': 'A dog'}); w.close()")) {
    ++tried;
    EXPECT_THAT(said(read("w.tar")), ElementsAre("w.tar/k1.png [train]: A dog"));
  }
  if (tried == 0) GTEST_SKIP() << "neither pandas nor webdataset is there";
}

TEST_F(FormsTest, AShareIsValidatedOnByTheNames) {
  std::string table = "image,caption\n";
  for (int i = 0; i < 1000; ++i) table += "p" + std::to_string(i) + ".jpg,A dog\n";
  DataOptions options;
  options.train_captions = folder_.write("a.csv", table);
  options.val_share = 0.1;
  const Dataset dataset = read_dataset(options);
  const auto val = dataset.split("val");
  EXPECT_GT(val.size(), 70u);
  EXPECT_LT(val.size(), 130u);
  EXPECT_EQ(val.size() + dataset.split("train").size(), 1000u);
  options.train_captions =
      folder_.write("b/half.csv", "image,caption\n" + table.substr(table.find("p500.jpg")));  // elsewhere, half of them
  for (const auto& example : read_dataset(options).examples)
    EXPECT_EQ(example.split, is_in_val_share(example.picture, 0.1) ? "val" : "train");
  options.val_share = 0;
  EXPECT_THAT([&] { read_dataset(options).split("val"); },
              ::testing::ThrowsMessage<InputError>(HasSubstr("--val-share")));
  options.val_share = 0.1;
  options.train_captions = folder_.write("c.csv", "image,caption,split\na.jpg,A dog,train\nb.jpg,A cat,val\n");
  Said said;
  EXPECT_THAT(read_dataset(options).split("val"), ElementsAre(1));
  EXPECT_THAT(said.text, HasSubstr("of no effect"));
}

TEST_F(FormsTest, EverythingIsFound) {
  folder_.write("1.jpg", picture(1));
  folder_.write("a.csv", "image,caption,split\n1.jpg,<start> A dog <end>,odd\n2.jpg,B,odd\n1.jpg,...,odd\n");
  Findings findings;
  const auto [dataset, form, images, pictures, captions] =
      read_everything(folder_ / "a.csv", folder_.path(), 0, &findings);
  EXPECT_EQ(form, "table");
  EXPECT_EQ(pictures, 2);
  EXPECT_EQ(captions, 3);
  EXPECT_EQ(dataset.examples.size(), 1u);
  EXPECT_EQ(dataset.examples[0].split, "odd");
  EXPECT_THAT(findings["files missing"], ElementsAre((folder_ / "2.jpg").string()));
  EXPECT_THAT(findings["without a word"], ElementsAre("line 4"));
  EXPECT_EQ(findings["captions with marks such as <start> and <end>"].size(), 1u);
}

}  // namespace
}  // namespace attend
