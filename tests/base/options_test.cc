#include "base/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <sstream>
#include <stdexcept>

#include "base/command_line.h"
#include "base/error.h"

namespace attend {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

/// One field of every type, in two sections and one that is flags only.
struct Everything {
  bool shuffle = false, tied = true;
  int beam_width = 5;
  int64_t seed = 1;
  double rate = 1e-3, anything = 0.5;
  std::string precision = "fp32", note;
  std::filesystem::path model = "a b.safetensors";
  std::vector<std::string> splits = {"train"};
  std::vector<std::filesystem::path> images;

  void list(OptionList& options) {
    options.section("decode", "Decoding");
    options.add("beam_width", beam_width, "captions kept alive at each word", between(1, 1000));
    options.add("precision", precision, "arithmetic of the convolutions", one_of({"fp32", "bf16"}));
    options.section("train", "Training", "train_");
    options.add("shuffle", shuffle, "shuffle the captions");
    options.add("tied", tied, "tie the embeddings");
    options.add("seed", seed, "of every random number");
    options.add("rate", rate, "learning rate", at_least(0));
    options.add("anything", anything, "any number");
    options.add("note", note, "a remark");
    options.add("splits", splits, "splits to read", one_of({"train", "val", "test"}));
    options.section("", "Files");
    options.add("model", model, "model file");
    options.add("images", images, "folders of pictures");
  }
};

class Options : public ::testing::Test {
 protected:
  Options() { values.list(list); }
  void read(const char* json) { list.read_json(Json::parse(json), "file.json"); }
  std::string json_error(const char* json) {
    return error([&] { read(json); });
  }
  std::string flag_error(const std::string& flag, const std::string& text) {
    return error([&] { list.set_flag(flag, text); });
  }

  Everything values;
  OptionList list;

 private:
  /// The message of the UsageError that `act` throws; every field must then be as it was.
  std::string error(const std::function<void()>& act) {
    const Json before = list.to_json();
    std::string message;
    try {
      act();
      ADD_FAILURE() << "nothing was thrown";
    } catch (const UsageError& error) {
      message = error.what();
    }
    EXPECT_EQ(list.to_json(), before) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    return message;
  }
};

TEST_F(Options, JsonOfEveryTypeIsRead) {
  read(R"({"train": {"shuffle": true, "tied": false, "seed": -9007199254740993, "rate": 2, "anything": -1e-9,
           "note": "ünï", "splits": ["val", "test"]}, "decode": {"beam_width": 1000, "precision": "bf16"}})");
  EXPECT_TRUE(values.shuffle);
  EXPECT_FALSE(values.tied);
  EXPECT_EQ(values.seed, -9007199254740993);
  EXPECT_EQ(values.rate, 2.0);
  EXPECT_EQ(values.anything, -1e-9);
  EXPECT_EQ(values.note, "ünï");
  EXPECT_THAT(values.splits, ElementsAre("val", "test"));
  EXPECT_EQ(values.beam_width, 1000);
  EXPECT_EQ(values.precision, "bf16");
}

TEST_F(Options, KeysThatAreNotNamedKeepTheirValues) {
  read(R"({"train": {"seed": 7}})");
  EXPECT_EQ(values.beam_width, 5);
  EXPECT_TRUE(values.tied);
  EXPECT_THAT(values.splits, ElementsAre("train"));
}

TEST_F(Options, WhatIsWrittenReadsBackTheSame) {
  values.rate = 0.1 + 0.2;
  values.seed = std::numeric_limits<int64_t>::min();
  values.note = "quote \" backslash \\ newline \n ünï";
  values.splits = {};
  const std::string text = list.to_json().dump();

  Everything other;
  OptionList other_list;
  other.list(other_list);
  other_list.read_json(Json::parse(text), "copy");
  EXPECT_EQ(other.rate, values.rate);
  EXPECT_EQ(other.seed, values.seed);
  EXPECT_EQ(other.note, values.note);
  EXPECT_TRUE(other.splits.empty());
  EXPECT_EQ(other_list.to_json().dump(), text);
}

/// A list of structs, and numbers by name.
struct Sources {
  struct Source {
    std::string name;
    std::filesystem::path captions;
    double share = 1;
    void list(OptionList& options) {
      options.add("name", name, "its name");
      options.add("captions", captions, "its captions");
      options.add("share", share, "its share", between(0, 1));
    }
  };
  std::vector<Source> sources;
  std::map<std::string, double> weights;
  std::filesystem::path folder;
  std::vector<std::filesystem::path> files;

  void list(OptionList& options) {
    options.section("data", "Data");
    options.add_items("sources", sources, "what to learn from");
    options.add("weights", weights, "weights by name", at_least(0));
    options.add("folder", folder, "a folder");
    options.add("files", files, "some files");
  }
};

class OptionsOfSources : public ::testing::Test {
 protected:
  OptionsOfSources() { values.list(list); }
  void read(const char* json, const std::filesystem::path& folder = {}) {
    list.read_json(Json::parse(json), "f.json", folder);
  }
  std::string error(const char* json) {
    const Json before = list.to_json();
    try {
      read(json);
    } catch (const UsageError& refused) {
      EXPECT_EQ(list.to_json(), before);
      return refused.what();
    }
    return "read";
  }
  Sources values;
  OptionList list;
};

TEST_F(OptionsOfSources, ReadsAndWritesThem) {
  const char* text =
      R"({"data":{"sources":[{"name":"a","captions":"a.json","share":1.0},{"name":"b","captions":"","share":0.5}],)"
      R"("weights":{"rebuilt":0.3},"folder":"","files":[]}})";
  read(text);
  ASSERT_EQ(values.sources.size(), 2u);
  EXPECT_EQ(values.sources[1].name, "b");
  EXPECT_EQ(values.sources[1].share, 0.5);
  EXPECT_EQ(values.weights.at("rebuilt"), 0.3);
  EXPECT_EQ(list.to_json().dump(), text);
}

TEST_F(OptionsOfSources, RefusesWhatTheyCanNotBe) {
  EXPECT_EQ(error(R"({"data": {"sources": {}}})"), "f.json: data.sources: must be a list of JSON objects");
  EXPECT_EQ(error(R"({"data": {"sources": [1]}})"), "f.json: data.sources[0]: must be a JSON object");
  EXPECT_EQ(error(R"({"data": {"sources": [{}, {"shares": 1}]}})"),
            "f.json: data.sources[1]: unknown key \"shares\"; known: name, captions, share");
  EXPECT_EQ(error(R"({"data": {"sources": [{"share": 2}]}})"),
            "f.json: data.sources[0].share: 2 is not allowed; it takes a number, 0 to 1");
  EXPECT_THAT(error(R"({"data": {"weights": {"a": "b"}}})"), HasSubstr("f.json: data.weights.a: \"b\" is not allowed"));
  EXPECT_THAT(error(R"({"data": {"weights": {"a": -1}}})"), HasSubstr("data.weights.a: -1"));
}

TEST_F(OptionsOfSources, FlagsSetNumbersByNameButNoLists) {
  list.set_flag("weights", "a=0.25");
  list.set_flag("weights", "b=c=2", true);
  EXPECT_EQ(list.to_json()["data"]["weights"].dump(), R"({"a":0.25,"b=c":2.0})");
  list.set_flag("weights", "d=1");
  EXPECT_EQ(values.weights.size(), 1u);
  EXPECT_THROW(list.set_flag("weights", "a"), UsageError);
  EXPECT_THROW(list.set_flag("sources", "[]"), UsageError);
  EXPECT_THROW(list.set_flag("", "[]"), UsageError);
  EXPECT_THAT(option_help(list.describe()),
              AllOf(HasSubstr("--weights NAME=X"), HasSubstr("  data.sources "), Not(HasSubstr("--sources"))));
}

TEST_F(OptionsOfSources, PathsStartFromTheFoldersOfTheirFile) {
  read(R"({"data": {"sources": [{"captions": "../a/b.json"}], "folder": "c", "files": ["/d", "e/../f", ""]}})",
       "x/configs");
  EXPECT_EQ(values.sources[0].captions, "x/a/b.json");
  EXPECT_EQ(values.folder, "x/configs/c");
  EXPECT_THAT(values.files, ElementsAre("/d", "x/configs/f", ""));
  EXPECT_EQ(list.to_json(true)["data"]["sources"][0]["captions"], std::filesystem::absolute("x/a/b.json").string());
  read(R"({"data": {"folder": "c/../d"}})");
  EXPECT_EQ(values.folder, "c/../d");
}

TEST_F(Options, WrittenJsonHasTheSectionsInOrderAndNoFlagOnlyFields) {
  const Json json = list.to_json();
  std::vector<std::string> sections;
  for (const auto& item : json.items()) sections.push_back(item.key());
  EXPECT_THAT(sections, ElementsAre("decode", "train"));
  EXPECT_EQ(json["decode"].dump(), R"({"beam_width":5,"precision":"fp32"})");
}

TEST_F(Options, UnknownSectionsAndKeysAreNamed) {
  EXPECT_EQ(json_error(R"({"decoding": {}})"), "file.json: unknown section \"decoding\"; known: decode, train");
  EXPECT_EQ(json_error(R"({"decode": {"beam": 3}})"),
            "file.json: decode: unknown key \"beam\"; known: beam_width, precision");
  EXPECT_THAT(json_error(R"({"": {"model": "x"}})"), HasSubstr("unknown section \"\""));
  EXPECT_THAT(json_error(R"({"model": "x"})"), HasSubstr("unknown section \"model\""));
  EXPECT_THAT(json_error(R"({"decode": {"seed": 1}})"), HasSubstr("unknown key \"seed\""));
  EXPECT_THAT(json_error(R"({"decode": {"beam-width": 1}})"), HasSubstr("unknown key \"beam-width\""));
}

TEST_F(Options, DocumentsAndSectionsMustBeObjects) {
  EXPECT_THAT(json_error("[]"), HasSubstr("file.json: must be a JSON object"));
  EXPECT_THAT(json_error("3"), HasSubstr("file.json: must be a JSON object"));
  EXPECT_EQ(json_error(R"({"decode": 3})"), "file.json: decode: must be a JSON object");
  EXPECT_EQ(json_error(R"({"decode": ["beam_width", 3]})"), "file.json: decode: must be a JSON object");
}

TEST_F(Options, IntegersRefuseEverythingElse) {
  for (const char* value : {"3.0", "3.7", "\"3\"", "true", "null", "[3]", "{}", "1e2"})
    EXPECT_THAT(
        json_error((std::string("{\"decode\": {\"beam_width\": ") + value + "}}").c_str()),
        AllOf(HasSubstr("file.json: decode.beam_width: "), HasSubstr("is not allowed; it takes an integer, 1 to 1000")))
        << value;
}

TEST_F(Options, IntegersThatDoNotFitAreRefused) {
  EXPECT_THAT(json_error(R"({"decode": {"beam_width": 4294967301}})"), HasSubstr("4294967301 is not allowed"));
  EXPECT_THAT(json_error(R"({"decode": {"beam_width": -4294967295}})"), HasSubstr("-4294967295 is not allowed"));
  EXPECT_THAT(json_error(R"({"train": {"seed": 9223372036854775808}})"), HasSubstr("train.seed"));
  EXPECT_THAT(json_error(R"({"train": {"seed": -9223372036854775809}})"), HasSubstr("train.seed"));
  EXPECT_THAT(flag_error("train-seed", "9223372036854775808"), HasSubstr("--train-seed"));
}

TEST_F(Options, RangesHoldAtTheirEnds) {
  read(R"({"decode": {"beam_width": 1}, "train": {"rate": 0}})");
  EXPECT_EQ(json_error(R"({"decode": {"beam_width": 0}})"),
            "file.json: decode.beam_width: 0 is not allowed; it takes an integer, 1 to 1000");
  EXPECT_EQ(json_error(R"({"train": {"rate": -0.5}})"),
            "file.json: train.rate: -0.5 is not allowed; it takes a number, at least 0");
}

TEST_F(Options, BoolsNumbersStringsAndListsRefuseOtherTypes) {
  for (const char* value : {"1", "\"true\"", "null"})
    EXPECT_THAT(json_error((std::string(R"({"train": {"shuffle": )") + value + "}}").c_str()),
                HasSubstr("it takes true or false"));
  for (const char* value : {"\"0.1\"", "true", "null", "[]"})
    EXPECT_THAT(json_error((std::string(R"({"train": {"rate": )") + value + "}}").c_str()),
                HasSubstr("it takes a number"));
  for (const char* value : {"1", "true", "null", "[\"x\"]"})
    EXPECT_THAT(json_error((std::string(R"({"train": {"note": )") + value + "}}").c_str()),
                HasSubstr("it takes a string"));
  for (const char* value : {"\"val\"", "null", "[1]", "[\"val\", null]", "{}"})
    EXPECT_THAT(json_error((std::string(R"({"train": {"splits": )") + value + "}}").c_str()),
                HasSubstr("it takes a list of strings, one of train, val, test"));
}

TEST_F(Options, ChoicesAreChecked) {
  EXPECT_EQ(json_error(R"({"decode": {"precision": "FP32"}})"),
            "file.json: decode.precision: \"FP32\" is not allowed; it takes a string, one of fp32, bf16");
  EXPECT_THAT(json_error(R"({"train": {"splits": ["val", "dev"]}})"), HasSubstr("\"dev\" is not allowed"));
}

TEST_F(Options, AFaultLateInAFileChangesNothing) {
  // json_error() compares the options before and after.
  json_error(R"({"decode": {"beam_width": 9, "precision": "bf16"}, "train": {"seed": 3, "tide": true}})");
  EXPECT_EQ(values.beam_width, 5);
  EXPECT_EQ(values.precision, "fp32");
}

TEST_F(Options, FlagsAreReadByTheTypeOfTheirField) {
  list.set_flag("beam-width", "12");
  list.set_flag("precision", "bf16");
  list.set_flag("train-shuffle", "true");
  list.set_flag("train-tied", "false");
  list.set_flag("train-seed", "-3");
  list.set_flag("train-rate", "1e-4");
  list.set_flag("train-note", "5");
  list.set_flag("model", "\xff\xfe.safetensors");
  EXPECT_EQ(values.beam_width, 12);
  EXPECT_EQ(values.precision, "bf16");
  EXPECT_TRUE(values.shuffle);
  EXPECT_FALSE(values.tied);
  EXPECT_EQ(values.seed, -3);
  EXPECT_EQ(values.rate, 1e-4);
  EXPECT_EQ(values.note, "5");
  EXPECT_EQ(values.model.native(), "\xff\xfe.safetensors");
}

TEST_F(Options, FlagsForListsReplaceOrAppend) {
  list.set_flag("train-splits", "val");
  EXPECT_THAT(values.splits, ElementsAre("val"));
  list.set_flag("train-splits", "test", true);
  EXPECT_THAT(values.splits, ElementsAre("val", "test"));
  list.set_flag("images", "\xff", true);
  list.set_flag("images", "b", true);
  EXPECT_THAT(values.images, ElementsAre("\xff", "b"));
  EXPECT_THAT(flag_error("train-splits", "dev"), HasSubstr("--train-splits: \"dev\" is not allowed"));
}

TEST_F(Options, NumbersInFlagsAreReadToTheirEnd) {
  for (const char* text : {"", " 5", "5 ", "5x", "0x10", "5.0", "1e2", "+5", "--5", "five", "\xff"})
    EXPECT_THAT(flag_error("beam-width", text), HasSubstr("it takes an integer, 1 to 1000")) << text;
  for (const char* text : {"", "1,5", "1.5.1", "0x1p3", "nan", "inf", "-inf", "1e999", "x"})
    EXPECT_THAT(flag_error("train-anything", text), HasSubstr("it takes a number")) << text;
  for (const char* text : {"", "1", "yes", "True"})
    EXPECT_THAT(flag_error("train-shuffle", text), HasSubstr("it takes true or false")) << text;
}

TEST_F(Options, UnknownFlagsAreNamed) { EXPECT_EQ(flag_error("beam", "3"), "--beam: unknown option"); }

TEST(OptionListTest, TwoFieldsOfOneNameAreAMistakeOfTheProgram) {
  int a = 0, b = 0;
  OptionList flags;
  flags.section("x", "X");
  flags.add("same", a, "");
  flags.section("y", "Y");
  EXPECT_THROW(flags.add("same", b, ""), std::logic_error);

  OptionList keys;
  keys.section("x", "X");
  keys.add("same", a, "");
  keys.section("x", "X again", "other_");
  EXPECT_THROW(keys.add("same", b, ""), std::logic_error);
}

TEST_F(Options, HelpNamesEveryFlagWithItsValueLimitsAndDefault) {
  const std::string help = option_help(list.describe());
  for (const auto& field : list.fields()) EXPECT_THAT(help, HasSubstr(field.flag));
  EXPECT_THAT(help, HasSubstr("\nDecoding:\n"));
  EXPECT_THAT(help, HasSubstr("  --beam-width N            captions kept alive at each word (1 to 1000; default 5)\n"));
  EXPECT_THAT(
      help, HasSubstr("  --precision WORD          arithmetic of the convolutions (one of fp32, bf16; default fp32)"));
  EXPECT_THAT(help, HasSubstr("  --train-shuffle           shuffle the captions\n"));
  EXPECT_THAT(help, HasSubstr("  --[no-]train-tied         tie the embeddings (on by default)\n"));
  EXPECT_THAT(help, HasSubstr("  --train-rate X            learning rate (at least 0; default 0.001)\n"));
  EXPECT_THAT(help, HasSubstr("--train-note WORD         a remark\n"));
  EXPECT_THAT(help, ContainsRegex("\\(one of train, val, test; may be repeated; default\\s+train\\)"));
  EXPECT_THAT(help, HasSubstr("  --model PATH              model file (default a b.safetensors)\n"));
}

TEST(OptionListTest, HelpShowsDefaultsNotPresentValuesAndFitsItsWidth) {
  int64_t large = 1000000;
  double small = 1e-8;
  OptionList list;
  list.section("a", "A");
  list.add("a_flag_with_quite_a_long_name", large, std::string(50, 'x') + " " + std::string(50, 'y'), between(0, 1e7));
  list.add("small", small, "small");
  large = 5;
  const std::string help = option_help(list.describe());
  EXPECT_THAT(help, AllOf(ContainsRegex("\\(0 to 10000000;\\s+default 1000000\\)"), HasSubstr("default 1e-08"),
                          Not(HasSubstr("default 5"))));
  std::istringstream lines(help);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 96u) << line;
}

TEST(WrapTest, BreaksAtSpacesOnlyAndIndentsWhatFollows) {
  std::string text;
  for (int i = 0; i < 60; ++i) text += "wörd ";
  const std::string wrapped = wrap(text, 4);
  EXPECT_THAT(wrapped, HasSubstr("\n    wörd"));
  std::string joined;
  std::istringstream words(wrapped);
  for (std::string word; words >> word;) joined += word + " ";
  EXPECT_EQ(joined, text);
  EXPECT_EQ(wrap("  a \n b  ", 7), "a b");
}

}  // namespace
}  // namespace attend
