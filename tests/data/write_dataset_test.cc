#include "data/write_dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <opencv2/imgcodecs.hpp>

#include "base/error.h"
#include "base/files.h"
#include "data/check_dataset.h"
#include "data/temporary_folder.h"

namespace attend {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::pair<OutForm, const char*> kWritten[] = {
    {OutForm::kCoco, "out.json"},       {OutForm::kKarpathy, "karpathy.json"},
    {OutForm::kJsonLines, "out.jsonl"}, {OutForm::kCsv, "out.csv"},
    {OutForm::kTsv, "out.tsv"},         {OutForm::kImageFolder, "folder"},
    {OutForm::kWebDataset, "out.tar"},  {OutForm::kWebDataset, "shards"}};

class WriteDatasetTest : public ::testing::Test {
 protected:
  WriteDatasetTest() {
    int number = 0;
    for (const char* name : {"1.png", "deep/2.png", "deep/3.with.dots.PNG", "1b.png"}) {
      std::vector<unsigned char> bytes;
      cv::imencode(".png", cv::Mat(4, 6, CV_8UC3, cv::Scalar(++number, 9, 9)), bytes);
      folder_.write(std::string("in/") + name, {bytes.begin(), bytes.end()});
    }
    folder_.write("in.jsonl",
                  "{\"file_name\": \"1.png\", \"captions\": [\"A dog, \\\"Rex\\\"\", \"Two;\\tdogs | run\"], "
                  "\"split\": \"train\"}\n"
                  "{\"file_name\": \"deep/2.png\", \"captions\": [\"Ein Hünd\"], \"split\": \"val\"}\n"
                  "{\"file_name\": \"deep/3.with.dots.PNG\", \"captions\": [\"A cat\", \"A kitten\", \"It sits\"], "
                  "\"split\": \"train\"}\n"
                  "{\"file_name\": \"1b.png\", \"captions\": [\"A bird\"], \"split\": \"test\"}\n");
  }

  WholeDataset read(const std::filesystem::path& path, const std::filesystem::path& images = {}) {
    return read_everything(path, images, 0);
  }

  /// Bytes of each picture with its split and captions, in order of these: what has to survive.
  static std::vector<std::string> content(const Dataset& dataset) {
    std::vector<std::string> list;
    for (const auto& example : dataset.examples) {
      std::string line = example.split + "\n" + read_file(example.picture) + "\n";
      for (const auto& caption : example.captions) line += caption + "\n";
      list.push_back(line);
    }
    std::sort(list.begin(), list.end());
    return list;
  }

  TemporaryFolder folder_;
};

TEST_F(WriteDatasetTest, EveryFormOfEveryFormIsTheSame) {
  const WholeDataset whole = read(folder_ / "in.jsonl", folder_ / "in");
  const auto expected = content(whole.dataset);
  ASSERT_EQ(expected.size(), 4u);
  for (const auto& [form, name] : kWritten) {
    SCOPED_TRACE(name);
    const auto out = folder_ / ("first/" + std::string(name));
    std::filesystem::create_directories(out.parent_path());
    write_dataset(whole.dataset, out, {.form = form, .images = whole.images, .shard_pictures = 1});
    const bool has_pictures = form == OutForm::kImageFolder || form == OutForm::kWebDataset;
    const WholeDataset again = read(out, has_pictures ? std::filesystem::path() : whole.images);
    EXPECT_EQ(content(again.dataset), expected);
    for (const auto& [second, second_name] : kWritten) {  // and from there to every other
      SCOPED_TRACE(second_name);
      const auto there = folder_ / ("of " + std::string(name) + "/" + second_name);
      std::filesystem::create_directories(there.parent_path());
      write_dataset(again.dataset, there, {.form = second, .images = again.images, .shard_pictures = 2});
      const bool holds = second == OutForm::kImageFolder || second == OutForm::kWebDataset;
      EXPECT_EQ(content(read(there, holds ? std::filesystem::path() : again.images).dataset), expected);
    }
  }
  EXPECT_TRUE(std::filesystem::exists(folder_ / "first/shards/train-000001.tar"));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "first/folder/validation/deep/2.png"));
}

TEST_F(WriteDatasetTest, IdsAndOriginsStay) {
  folder_.write(
      "ids.json",
      R"({"images": [{"id": 42, "file_name": "1.png"}, {"id": "7", "file_name": "1b.png"}], "annotations": [)"
      R"({"image_id": 42, "caption": "A dog", "source": "human"}, {"image_id": 42, "caption": "Rex"}, {"image_id": 7, "caption": "A bird"}]})");
  const WholeDataset whole = read(folder_ / "ids.json", folder_ / "in");
  for (const auto& [form, name] : kWritten) {
    SCOPED_TRACE(name);
    write_dataset(whole.dataset, folder_ / name, {.form = form, .images = whole.images});
    const bool holds = form == OutForm::kImageFolder || form == OutForm::kWebDataset;
    const Dataset again = read(folder_ / name, holds ? std::filesystem::path() : whole.images).dataset;
    ASSERT_EQ(again.examples.size(), 2u);
    EXPECT_EQ(again.examples[0].id.number, 42);
    EXPECT_EQ(again.examples[1].id.number, 7);
    if (form == OutForm::kWebDataset) continue;  // a sample's JSON has one source
    EXPECT_THAT(again.origins, ElementsAre("", "human"));
  }
}

TEST_F(WriteDatasetTest, OneCaptionAPictureIsATextToHuggingFace) {
  folder_.write("one.csv", "image,caption\n1.png,A dog\n1b.png,A bird\n");
  const WholeDataset whole = read(folder_ / "one.csv", folder_ / "in");
  write_dataset(whole.dataset, folder_ / "f", {.form = OutForm::kImageFolder, .images = whole.images});
  EXPECT_EQ(read_file(folder_ / "f/metadata.jsonl"),
            "{\"file_name\":\"1.png\",\"text\":\"A dog\"}\n{\"file_name\":\"1b.png\",\"text\":\"A bird\"}\n");
}

TEST_F(WriteDatasetTest, NothingIsReplacedOrHalfWritten) {
  WholeDataset whole = read(folder_ / "in.jsonl", folder_ / "in");
  folder_.write("there.csv", "mine");
  folder_.write("full/mine", "mine");
  EXPECT_THROW(write_dataset(whole.dataset, folder_ / "there.csv", {.form = OutForm::kCsv, .images = whole.images}),
               Error);
  EXPECT_THROW(write_dataset(whole.dataset, folder_ / "full",
                             {.form = OutForm::kImageFolder, .images = whole.images, .overwrite = true}),
               Error);
  EXPECT_EQ(read_file(folder_ / "there.csv"), "mine");
  std::filesystem::remove(folder_ / "in/1b.png");
  for (const auto& [form, name] : kWritten) {
    if (form != OutForm::kImageFolder && form != OutForm::kWebDataset) continue;
    EXPECT_THROW(write_dataset(whole.dataset, folder_ / name, {.form = form, .images = whole.images}), InputError);
    EXPECT_FALSE(std::filesystem::exists(folder_ / name)) << name;
  }
  write_dataset(whole.dataset, folder_ / "there.csv",
                {.form = OutForm::kCsv, .images = whole.images, .overwrite = true});
  EXPECT_THAT(read_file(folder_ / "there.csv"), HasSubstr("image,caption,split\n1.png,\"A dog, \"\"Rex\"\"\",train\n"));
}

TEST_F(WriteDatasetTest, OtherProgramsReadIt) {
  const WholeDataset whole = read(folder_ / "in.jsonl", folder_ / "in");
  for (const auto& [form, name] : kWritten)
    write_dataset(whole.dataset, folder_ / name, {.form = form, .images = whole.images});
  const auto run = [&](const std::string& code) {
    return std::system(
               ("cd " + folder_.path().string() + " && python3 -c \"" + code + "\" > /dev/null 2>&1").c_str()) == 0;
  };
  if (!run("import json, csv, tarfile")) GTEST_SKIP() << "no python3";
  EXPECT_TRUE(
      run("import csv; r = list(csv.DictReader(open('out.csv', encoding='utf-8'))); assert len(r) == 7 and "
          "r[0]['caption'] == 'A dog, \\\"Rex\\\"'"));
  EXPECT_TRUE(
      run("import json; d = json.load(open('out.json', encoding='utf-8')); assert len(d['images']) == 4 and "
          "len(d['annotations']) == 7"));
  EXPECT_TRUE(
      run("import json; d = json.load(open('karpathy.json', encoding='utf-8')); assert "
          "d['images'][0]['sentences'][0]['tokens'][:2] == ['a', 'dog']"));
  EXPECT_TRUE(run("import tarfile; assert len(tarfile.open('out.tar').getnames()) == 12"));
  if (run("import pandas")) {
    EXPECT_TRUE(
        run("import pandas; assert len(pandas.read_csv('out.csv')) == 7 and len(pandas.read_json('out.jsonl', "
            "lines=True)) == 4"));
  }
  if (run("import webdataset")) {
    EXPECT_TRUE(
        run("import webdataset; s = list(webdataset.WebDataset('out.tar', shardshuffle=False)); assert len(s) == 4 and "
            "s[0]['__key__'] == '1'"));
  }
  if (run("import datasets, PIL")) {
    EXPECT_TRUE(
        run("import datasets; d = datasets.load_dataset('imagefolder', data_dir='folder'); assert set(d) == {'train', "
            "'validation', 'test'}; "
            "assert d['validation'][0]['captions'] == ['Ein H\\u00fcnd']"));
  }
}

TEST_F(WriteDatasetTest, TheCheckNamesAllThatIsWrong) {
  const auto sound = check_dataset(folder_ / "in.jsonl", {.images = folder_ / "in", .min_word_count = 2});
  EXPECT_TRUE(sound.sound());
  EXPECT_EQ(sound.pictures, 4);
  EXPECT_EQ(sound.captions, 7);
  EXPECT_EQ(sound.splits.at("train"), 2);
  EXPECT_EQ(sound.least_captions, 1);
  EXPECT_EQ(sound.most_captions, 3);
  // a dog rex · two dogs run · ein hünd · a cat · a kitten · it sits · a bird: only "a" stands twice, and | is a word
  EXPECT_EQ(sound.words, 17);
  EXPECT_EQ(sound.words_once, 13);
  EXPECT_EQ(sound.vocabulary, 1);
  EXPECT_DOUBLE_EQ(sound.unknown_share, 13.0 / 17);

  folder_.write("in/copy.png", read_file(folder_ / "in/1.png"));
  folder_.write("in/broken.png", read_file(folder_ / "in/1.png").substr(0, 50));
  folder_.write("bad.jsonl",
                "{\"file_name\": \"1.png\", \"captions\": [\"A dog\", \"A dog\", \"...\"], \"split\": \"train\"}\n"
                "{\"file_name\": \"copy.png\", \"caption\": \"<start> A dog <end>\", \"split\": \"val\"}\n"
                "{\"file_name\": \"broken.png\", \"caption\": \"A cat\", \"split\": \"val\"}\n"
                "{\"file_name\": \"missing.png\", \"caption\": \"A cat\", \"split\": \"val\"}\n"
                "{\"file_name\": \"1.png\", \"caption\": \"Again\", \"split\": \"val\"}\n"
                "{\"caption\": \"of nothing\"}\n");
  auto report = check_dataset(folder_ / "bad.jsonl", {.images = folder_ / "in"});
  EXPECT_FALSE(report.sound());
  auto& problems = report.problems;
  EXPECT_THAT(problems["captions that a picture has twice"], ElementsAre((folder_ / "in/1.png").string() + ": A dog"));
  EXPECT_THAT(problems["without a word"], ElementsAre("line 1"));
  EXPECT_THAT(problems["captions with marks such as <start> and <end>"], ElementsAre("line 2"));
  EXPECT_THAT(problems["pictures that can't be read"], ElementsAre(HasSubstr("broken.png: not a whole PNG")));
  EXPECT_THAT(problems["files missing"], ElementsAre(HasSubstr("missing.png")));
  EXPECT_THAT(problems["pictures with the same bytes in two splits"], ElementsAre(HasSubstr("copy.png = ")));
  EXPECT_THAT(problems["in two splits"], ElementsAre("1.png"));
  EXPECT_THAT(problems["malformed"], ElementsAre("line 6: no name of a picture's file"));
  EXPECT_EQ(problems.size(), 8u);
}

}  // namespace
}  // namespace attend
