#include "base/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "base/error.h"
#include "base/files.h"
#include "base/nearest.h"

namespace attend {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using Words = std::vector<std::string>;

class CommandLineTest : public ::testing::Test {
 protected:
  CommandLineTest() {
    list.section("decode", "Decoding");
    list.add("beam_width", beam_width, "captions kept alive", between(1, 100));
    list.add("length_penalty", length_penalty, "exponent");
    list.add("splits", splits, "splits to read");
    list.section("", "Output");
    list.add("overlay", overlay, "folder of overlays");
    list.add("recursive", recursive, "go into folders");
    list.add("skip", skip, "skip what exists");
    syntax = {"caption", "[PATH...]", 0, 5, "Captions pictures.", {{"attend caption a.jpg", "captions one picture"}}};
  }
  ~CommandLineTest() override { std::filesystem::remove(config); }

  CommandLine parse(const Words& arguments) { return parse_command_line(arguments, list, syntax); }
  std::string error(const Words& arguments) {
    try {
      parse(arguments);
    } catch (const UsageError& error) {
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
      return error.what();
    }
    ADD_FAILURE() << "nothing was thrown";
    return "";
  }
  std::string write_config(const std::string& json) {
    write_file_atomically(config, json);
    return config;
  }

  int beam_width = 5;
  double length_penalty = 0.5;
  std::vector<std::string> splits = {"train"};
  std::filesystem::path overlay;
  bool recursive = false, skip = true;
  std::string format = "text";
  OptionList list;
  CommandSyntax syntax;
  const std::string config = ::testing::TempDir() + "command_line_test_" +
                             ::testing::UnitTest::GetInstance()->current_test_info()->name() + ".json";
};

TEST_F(CommandLineTest, FlagsAndArgumentsMix) {
  const CommandLine line =
      parse({"a.jpg", "--beam-width", "3", "b.jpg", "--overlay=out dir", "-", "--recursive", "c.jpg"});
  EXPECT_THAT(line.positional, ElementsAre("a.jpg", "b.jpg", "-", "c.jpg"));
  EXPECT_EQ(beam_width, 3);
  EXPECT_EQ(overlay, "out dir");
  EXPECT_TRUE(recursive);
  EXPECT_FALSE(line.help);
  EXPECT_FALSE(line.dump_config);
}

TEST_F(CommandLineTest, NothingGivenChangesNothing) {
  const Json before = list.to_json();
  EXPECT_THAT(parse({}).positional, IsEmpty());
  EXPECT_EQ(list.to_json(), before);
}

TEST_F(CommandLineTest, FileNamesPassThroughByteForByte) {
  const Words names = {"\xff\xfe\x80.jpg", "näme.png", " spaces and\nnewline ", "a=b", "@file"};
  EXPECT_EQ(parse(names).positional, names);
  parse({"--overlay", "\xff=\x01"});
  EXPECT_EQ(overlay.native(), "\xff=\x01");
  parse({"--overlay=--model=x"});
  EXPECT_EQ(overlay, "--model=x");
}

TEST_F(CommandLineTest, TwoDashesEndTheFlags) {
  EXPECT_THAT(parse({"--recursive", "--", "--beam-width", "-h", "--", ""}).positional,
              ElementsAre("--beam-width", "-h", "--", ""));
  EXPECT_EQ(beam_width, 5);
}

TEST_F(CommandLineTest, SwitchesTakeNoNextArgument) {
  EXPECT_THAT(parse({"--recursive", "false"}).positional, ElementsAre("false"));
  EXPECT_TRUE(recursive);
  parse({"--recursive=false", "--no-skip"});
  EXPECT_FALSE(recursive);
  EXPECT_FALSE(skip);
  parse({"--no-recursive", "--recursive", "--skip", "--skip=false"});
  EXPECT_TRUE(recursive);
  EXPECT_FALSE(skip);
  EXPECT_THAT(error({"--recursive=maybe"}), HasSubstr("--recursive"));
  EXPECT_THAT(error({"--no-recursive=true"}), HasSubstr("--no-recursive"));
}

TEST_F(CommandLineTest, NegativeNumbersAreValues) {
  parse({"--length-penalty", "-0.5"});
  EXPECT_EQ(length_penalty, -0.5);
  parse({"--length-penalty=-1.5"});
  EXPECT_EQ(length_penalty, -1.5);
  EXPECT_THAT(error({"--beam-width", "-5"}), HasSubstr("--beam-width: -5 is not allowed"));
}

TEST_F(CommandLineTest, TheLastValueCountsAndListsGrow) {
  parse({"--beam-width", "3", "--beam-width", "4"});
  EXPECT_EQ(beam_width, 4);
  parse({"--splits", "val"});
  EXPECT_THAT(splits, ElementsAre("val"));
  parse({"--splits", "val", "--splits=test"});
  EXPECT_THAT(splits, ElementsAre("val", "test"));
}

TEST_F(CommandLineTest, NoPartOfAFlagIsEnough) {
  EXPECT_EQ(error({"--beam", "3"}), "--beam: unknown option; did you mean --beam-width?");
  EXPECT_EQ(error({"--beam=3"}), "--beam: unknown option; did you mean --beam-width?");
  EXPECT_EQ(error({"--recursiv"}), "--recursiv: unknown option; did you mean --recursive?");
  EXPECT_EQ(error({"--beam_width", "3"}), "--beam_width: unknown option; did you mean --beam-width?");
  EXPECT_EQ(error({"--hlep"}), "--hlep: unknown option; did you mean --help?");
  EXPECT_EQ(beam_width, 5);
}

TEST_F(CommandLineTest, LongDashesOfWordProcessorsAreSaid) {
  for (const std::string dash : {"\u2014", "\u2013", "\u2212"}) {
    EXPECT_EQ(error({dash + "beam-width", "3"}), dash + "beam-width: begins with a long dash; write --beam-width");
    EXPECT_EQ(error({"a.jpg", dash + "beam-width=3"}),
              dash + "beam-width=3: begins with a long dash; write --beam-width");
    EXPECT_THAT(parse({dash + "holiday.jpg", "--", dash + "beam-width"}).positional,
                ElementsAre(dash + "holiday.jpg", dash + "beam-width"));
  }
}

TEST_F(CommandLineTest, WhatLooksLikeAFlagIsNeverAFileName) {
  for (const char* argument : {"--zzzzzz", "-x", "-5", "-o", "---", "-beam-width"})
    EXPECT_THAT(error({"a.jpg", argument, "b.jpg"}), AllOf(HasSubstr(argument), HasSubstr("unknown option")))
        << argument;
}

TEST_F(CommandLineTest, AFlagWithoutANameIsUnknown) { EXPECT_THAT(error({"--=x"}), HasSubstr("unknown option")); }

TEST_F(CommandLineTest, MissingValuesAreNamed) {
  EXPECT_THAT(error({"--beam-width"}), HasSubstr("--beam-width"));
  EXPECT_THAT(error({"--overlay", "--recursive"}), HasSubstr("--overlay"));
  EXPECT_THAT(error({"--overlay", "--"}), HasSubstr("--overlay"));
  EXPECT_THAT(error({"--overlay="}), HasSubstr("--overlay"));
  EXPECT_THAT(error({"--config"}), HasSubstr("--config"));
}

TEST_F(CommandLineTest, TheNumberOfArgumentsIsChecked) {
  EXPECT_THAT(error({"1", "2", "3", "4", "5", "6"}), AllOf(HasSubstr("6: unexpected argument"), HasSubstr("usage:")));
  syntax.least_arguments = 1;
  EXPECT_THAT(error({"--recursive"}), HasSubstr("usage: attend caption [options] [PATH...]"));
}

TEST_F(CommandLineTest, FlagsOverrideTheFileWhereverTheyStand) {
  const std::string file =
      write_config(R"({"decode": {"beam_width": 7, "length_penalty": 0.9, "splits": ["a", "b"]}})");
  parse({"--beam-width", "3", "--config", file});
  EXPECT_EQ(beam_width, 3);
  EXPECT_EQ(length_penalty, 0.9);
  EXPECT_THAT(splits, ElementsAre("a", "b"));
  parse({"--config=" + file, "--splits", "c", "--beam-width", "4"});
  EXPECT_EQ(beam_width, 4);
  EXPECT_THAT(splits, ElementsAre("c"));
}

TEST_F(CommandLineTest, FaultsOfTheFileNameIt) {
  EXPECT_THAT(error({"--config", write_config(R"({"decode": {"beam_with": 7}})")}),
              AllOf(HasSubstr(config), HasSubstr("unknown key \"beam_with\"")));
  EXPECT_THROW(parse({"--config", config + ".missing"}), InputError);
  write_config(R"({"decode": )");
  EXPECT_THROW(parse({"--config", config}), InputError);
}

TEST_F(CommandLineTest, HelpIsAnsweredWhateverElseStands) {
  EXPECT_TRUE(parse({"--help"}).help);
  EXPECT_TRUE(parse({"--bogus", "-h", "--config", "missing.json"}).help);
  std::ostringstream out;
  EXPECT_TRUE(answer(parse({"-h"}), syntax, list, out));
  EXPECT_EQ(out.str(), command_help(syntax, list, false));
  std::ostringstream all;
  EXPECT_TRUE(answer(parse({"--help", "--help-all"}), syntax, list, all));
  EXPECT_EQ(all.str(), command_help(syntax, list, true));
  EXPECT_TRUE(asks_for_help({"a.jpg", "-h"}));
  EXPECT_TRUE(asks_for_help({"--help-json"}));
  EXPECT_FALSE(asks_for_help({"a.jpg", "--", "--help"}));
}

TEST_F(CommandLineTest, TheFewOptionsThatMostPeopleNeedStandAlone) {
  syntax.common = {"overlay", "beam-width"};
  for (int i = 0; i < 4; ++i) syntax.examples.push_back({"attend caption " + std::to_string(i), "again"});
  const std::string few = command_help(syntax, list, false), all = command_help(syntax, list, true);
  EXPECT_THAT(few, AllOf(HasSubstr("\nDecoding:\n  --beam-width N "), HasSubstr("\nOutput:\n  --overlay PATH ")));
  EXPECT_THAT(few,
              AllOf(Not(HasSubstr("--length-penalty")), Not(HasSubstr("--recursive")), Not(HasSubstr("caption 3"))));
  EXPECT_THAT(few, HasSubstr("`attend caption --help-all` shows all 11 options and more examples.\n"));
  EXPECT_THAT(all, AllOf(HasSubstr("--length-penalty"), HasSubstr("--recursive"), HasSubstr("caption 3")));
  syntax.common = {"beam-with"};
  EXPECT_THROW(command_help(syntax, list, false), std::logic_error);
}

TEST_F(CommandLineTest, ProgramsReadWhatOptionsThereAre) {
  syntax.common = {"overlay"};
  list.add("format", format, "how", one_of({"text", "csv"}));
  std::ostringstream out;
  EXPECT_TRUE(answer(parse({"--help-json"}), syntax, list, out));
  const Json said = Json::parse(out.str());
  EXPECT_EQ(said["name"], "caption");
  EXPECT_EQ(said["arguments"], "[PATH...]");
  EXPECT_EQ(said["examples"][0][0], "attend caption a.jpg");
  std::map<std::string, Json> options;
  for (const auto& option : said["options"]) options[option["option"]] = option;
  EXPECT_EQ(options.size(), 12u);
  EXPECT_EQ(options["--beam-width"]["value"], "N");
  EXPECT_EQ(options["--beam-width"]["notes"], "1 to 100; default 5");
  EXPECT_EQ(options["--beam-width"]["common"], false);
  EXPECT_EQ(options["--overlay"]["common"], true);
  EXPECT_EQ(options["--format"]["choices"], Json({"text", "csv"}));
  EXPECT_EQ(options["--skip"]["can_be_negated"], true);
  EXPECT_EQ(options["--help"]["short"], "-h");
}

TEST_F(CommandLineTest, DumpedConfigurationIsWhatWouldRunAndReadsBack) {
  std::ostringstream out;
  EXPECT_TRUE(answer(parse({"--dump-config", "--beam-width", "9"}), syntax, list, out));
  const Json dumped = Json::parse(out.str());
  EXPECT_EQ(dumped["decode"]["beam_width"], 9);
  beam_width = 1;
  parse({"--config", write_config(out.str())});
  EXPECT_EQ(beam_width, 9);
}

TEST_F(CommandLineTest, BytesThatAreNotUtf8CanBeDumped) {
  std::ostringstream out;
  EXPECT_TRUE(answer(parse({"--dump-config", "--splits", "\xff"}), syntax, list, out));
  EXPECT_EQ(Json::parse(out.str())["decode"]["splits"][0], "\uFFFD");
}

TEST_F(CommandLineTest, WithNothingAskedNothingIsAnswered) {
  std::ostringstream out;
  EXPECT_FALSE(answer(parse({"a.jpg"}), syntax, list, out));
  EXPECT_EQ(out.str(), "");
}

TEST_F(CommandLineTest, HelpShowsUsageExamplesAndEveryFlag) {
  const std::string help = command_help(syntax, list, false);
  EXPECT_EQ(help.rfind("Usage: attend caption [options] [PATH...]\n\nCaptions pictures.\n", 0), 0u) << help;
  EXPECT_THAT(help, HasSubstr("  attend caption a.jpg\n      captions one picture\n"));
  for (const auto& field : list.fields()) EXPECT_THAT(help, HasSubstr(field.flag + " "));
  EXPECT_THAT(help, AllOf(HasSubstr("--beam-width N "), HasSubstr("--config PATH "), HasSubstr("--dump-config "),
                          HasSubstr("-h, --help ")));
}

TEST(CommandLineWithoutSectionsTest, HasNoConfiguration) {
  bool json = false;
  OptionList list;
  list.section("", "Output");
  list.add("json", json, "for machines");
  const CommandSyntax syntax = {"inspect", "MODEL", 1, 1, "Says what a model is.", {}};
  EXPECT_THROW(parse_command_line({"m", "--config", "x"}, list, syntax), UsageError);
  EXPECT_THROW(parse_command_line({"m", "--dump-config"}, list, syntax), UsageError);
  EXPECT_THAT(command_help(syntax, list, false), AllOf(Not(HasSubstr("--config")), Not(HasSubstr("Examples"))));
  EXPECT_THAT(parse_command_line({"m", "--json"}, list, syntax).positional, ElementsAre("m"));
}

TEST(NearestTest, PrefersWhatBeginsWithTheWordThenTheFewestEdits) {
  EXPECT_THAT(nearest("--beam", {"--bean", "--beam-width"}, 1), ElementsAre("--beam-width"));
  EXPECT_THAT(nearest("--sede", {"--speed", "--seed"}, 1), ElementsAre("--seed"));
  EXPECT_THAT(nearest("dgo", {"doe", "ego", "dogs", "do", "cat"}, 3), ElementsAre("ego", "do", "doe"));
  EXPECT_THAT(nearest("--zzzzzz", {"--speed", "--seed"}, 1), IsEmpty());
  EXPECT_THAT(nearest("--x", {}, 1), IsEmpty());
}

}  // namespace
}  // namespace attend
