#include "formats/pth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zip.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "formats/view_values.h"

namespace attend::formats {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using Named = std::vector<std::pair<std::string, std::string>>;

const fs::path kData = fs::path(ATTEND_SOURCE_DIR) / "tests/formats/data";

// A pickle, opcode by opcode.

template <class T>
std::string raw(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}
std::string text(const std::string& value) {
  return std::string("X") + raw(static_cast<uint32_t>(value.size())) + value;
}
std::string integer(int64_t value) { return std::string("\x8a\x08") + raw(value); }
std::string tuple(const std::vector<int64_t>& values) {
  std::string items = "(";
  for (const int64_t value : values) items += integer(value);
  return items + "t";
}
std::string global(const std::string& module, const std::string& name) { return "c" + module + "\n" + name + "\n"; }
std::string storage(const std::string& type, const std::string& key, int64_t size, const std::string& view = "") {
  return std::string("(") + text("storage") + global("torch", type) + text(key) + text("cpu") + integer(size) + view +
         "tQ";
}
std::string tensor(const std::string& storage, int64_t offset, const std::vector<int64_t>& sizes,
                   const std::vector<int64_t>& strides) {
  return global("torch._utils", "_rebuild_tensor_v2") + "(" + storage + integer(offset) + tuple(sizes) +
         tuple(strides) + "\x89" + global("collections", "OrderedDict") + ")RtR";
}
std::string dict(const Named& items) {
  std::string values = "}(";
  for (const auto& [key, value] : items) values += text(key) + value;
  return values + "u";
}
std::string list(const std::vector<std::string>& values) {
  std::string items = "](";
  for (const auto& value : values) items += value;
  return items + "e";
}
std::string pickle(const std::string& value) { return "\x80\x02" + value + "."; }

template <class T>
std::string elements(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

const std::string kMagic = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";

/// A file as PyTorch before 1.6 wrote it; storages are key → eight bytes of count and the elements.
std::string legacy(const std::string& values, const Named& storages, const std::string& machine = "\x88",
                   int64_t version = 1001) {
  std::string file =
      pickle(kMagic) + pickle(integer(version)) + pickle(dict({{"little_endian", machine}})) + pickle(values);
  std::vector<std::string> keys;
  for (const auto& [key, bytes] : storages) keys.push_back(text(key));
  file += pickle(list(keys));
  for (const auto& [key, bytes] : storages) file += bytes;
  return file;
}
std::string counted(int64_t count, const std::string& bytes) { return raw(count) + bytes; }

class Pth : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = fs::path(testing::TempDir()) /
                 (std::string("pth-") + testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::create_directories(directory_);
    path_ = directory_ / "a.pth";
  }
  void TearDown() override { fs::remove_all(directory_); }

  void write(const std::string& bytes) {
    fs::remove(path_);  // some file systems flush a file that is written over, but not a new one
    std::ofstream(path_, std::ios::binary) << bytes;
  }
  void write_zip(const Named& files, bool deflate = false) {
    fs::remove(path_);
    int error = 0;
    zip_t* archive = zip_open(path_.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &error);
    ASSERT_NE(archive, nullptr);
    for (const auto& [name, bytes] : files) {
      zip_source_t* source = zip_source_buffer(archive, bytes.data(), bytes.size(), 0);
      const auto index = zip_file_add(archive, name.c_str(), source, 0);
      ASSERT_GE(index, 0);
      zip_set_file_compression(archive, static_cast<zip_uint64_t>(index), deflate ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0);
    }
    ASSERT_EQ(zip_close(archive), 0);
  }

  /// What reading the file says; "" if it can be read (then every element is looked at).
  std::string refusal() {
    try {
      for (const auto& view : read_pth(path_)) values_of(view);
      return "";
    } catch (const InputError& error) {
      EXPECT_THAT(error.what(), HasSubstr(path_.string()));
      EXPECT_THAT(error.what(), testing::Not(HasSubstr("\n")));
      return error.what();
    }
  }
  std::string legacy_refusal(const std::string& values,
                             const Named& storages = {{"0", counted(2, std::string(8, 'a'))}}) {
    write(legacy(values, storages));
    return refusal();
  }

  fs::path directory_, path_;
};

/// begin, begin + step, …
std::vector<double> count(size_t size, double step = 0.5, double begin = 0) {
  std::vector<double> values(size);
  for (size_t i = 0; i < size; ++i) values[i] = begin + step * static_cast<double>(i);
  return values;
}

class PthGolden : public Pth, public testing::WithParamInterface<const char*> {};

TEST_P(PthGolden, AStateDictIsReadAsPyTorchSavedIt) {
  const auto read = read_pth(kData / ("state_" + std::string(GetParam())));
  struct Expected {
    const char* name;
    ElementType type;
    std::vector<int64_t> shape;
    std::vector<double> values;
  };
  const auto f32 = ElementType::kFloat32;
  const std::vector<Expected> expected = {{"0.weight", f32, {2, 3}, count(6)},
                                          {"0.bias", f32, {2}, {0, -0.5}},
                                          {"1.weight", f32, {2}, {1, 1}},
                                          {"1.bias", f32, {2}, {0, 0}},
                                          {"1.running_mean", f32, {2}, {0, 0}},
                                          {"1.running_var", f32, {2}, {1, 1}},
                                          {"1.num_batches_tracked", ElementType::kInt64, {}, {0}},
                                          {"whole", f32, {3, 4}, count(12)},
                                          {"row", f32, {4}, count(4, 0.5, 2)},
                                          {"columns", f32, {2, 3}, {0.5, 2.5, 4.5, 1.5, 3.5, 5.5}},
                                          {"half", ElementType::kFloat16, {5}, count(5)},
                                          {"bfloat16", ElementType::kBFloat16, {5}, count(5)},
                                          {"double", ElementType::kFloat64, {1}, {0}},
                                          {"truth", ElementType::kBool, {3}, {1, 0, 1}},
                                          {"bytes", ElementType::kUInt8, {3}, {0, 127, 255}},
                                          {"long", ElementType::kInt64, {2}, {-std::pow(2, 40), std::pow(2, 40)}},
                                          {"empty", f32, {0, 3}, {}},
                                          {"parameter", f32, {2}, {0, 0.5}}};
  EXPECT_EQ(read.size(), expected.size());
  for (const auto& [name, type, shape, values] : expected) {
    const auto* view = find_view(read, name);
    ASSERT_TRUE(view) << name;
    EXPECT_EQ(view->type, type) << name;
    EXPECT_EQ(view->shape, shape) << name;
    EXPECT_EQ(values_of(*view), values) << name;
  }
  EXPECT_FALSE(is_row_major(*find_view(read, "columns")));
  EXPECT_EQ(find_view(read, "row")->bytes.data(), find_view(read, "whole")->bytes.data() + 16)
      << "they share no memory";
}

TEST_P(PthGolden, ACheckpointGivesItsWeightsWithoutModulePrefix) {
  const auto read = read_pth(kData / ("checkpoint_" + std::string(GetParam())));
  ASSERT_EQ(read.size(), 3u);
  for (const int i : {0, 1, 2}) {
    EXPECT_EQ(read[i].name, std::string(1, static_cast<char>('a' + i)));
    EXPECT_EQ(values_of(read[i]), count(2, 0.5, i));
  }
}

TEST_P(PthGolden, AFileCutShortAnywhereIsRefused) {
  const std::string bytes = read_file(kData / ("state_" + std::string(GetParam())));
  for (size_t size = 0; size < bytes.size(); ++size) {
    write(bytes.substr(0, size));
    EXPECT_NE(refusal(), "") << size;
  }
}

TEST_P(PthGolden, AnyChangedBytesAreReadOrRefused) {
  int refused = 0;
  std::mt19937 random(1);
  for (const std::string name : {"state_", "checkpoint_"}) {
    const std::string bytes = read_file(kData / (name + GetParam()));
    for (int i = 0; i < 2000; ++i) {
      std::string changed = bytes;
      for (auto changes = 1 + random() % 4; changes > 0; --changes) {
        const size_t at = random() % changed.size();
        switch (random() % 3) {
          case 0:
            changed[at] = static_cast<char>(random());
            break;
          case 1:
            changed[at] = "\x80\x8a\x85\x86\x87\x89}]()tRbQqrhjXKMJNaesu012.co"[random() % 33];
            break;
          default:
            changed[at] = changed[random() % changed.size()];
        }
      }
      write(changed);
      refused += !refusal().empty();
    }
  }
  EXPECT_GT(refused, 1000);
}

INSTANTIATE_TEST_SUITE_P(Formats, PthGolden, testing::Values("zip.pth", "legacy.pth"),
                         [](const auto& format) { return std::string(format.param).substr(0, 3); });

TEST_F(Pth, NewerPickleProtocolsAreRead) { EXPECT_EQ(read_pth(kData / "checkpoint_protocol4.pth").size(), 3u); }

TEST_F(Pth, RandomOpcodesAreReadOrRefused) {
  const std::vector<std::string> parts = {"(",
                                          "t",
                                          "R",
                                          "b",
                                          "Q",
                                          "}",
                                          "]",
                                          ")",
                                          "e",
                                          "u",
                                          "s",
                                          "a",
                                          "0",
                                          "1",
                                          "2",
                                          ".",
                                          "q\1",
                                          "h\1",
                                          "\x85",
                                          "\x86",
                                          "N",
                                          integer(0),
                                          integer(1),
                                          integer(2),
                                          integer(-1),
                                          integer(INT64_MAX),
                                          text("a"),
                                          text("storage"),
                                          tuple({2}),
                                          tuple({1}),
                                          storage("FloatStorage", "0", 2),
                                          tensor(storage("FloatStorage", "0", 2), 0, {2}, {1}),
                                          global("torch._utils", "_rebuild_tensor_v2"),
                                          global("collections", "OrderedDict"),
                                          "\x94",
                                          "\x93"};
  std::mt19937 random(2);
  int refused = 0;
  for (int i = 0; i < 4000; ++i) {
    std::string values = random() % 2 ? "}(" : "";
    for (auto size = random() % 20; size > 0; --size) values += parts[random() % parts.size()];
    if (random() % 2) values = dict({{"w", tensor(storage("FloatStorage", "0", 2), 0, {2}, {1})}, {"x", values}});
    refused += !legacy_refusal(values).empty();
  }
  EXPECT_GT(refused, 1000);
}

TEST_F(Pth, CodeIsNamedAndNeverRun) {
  const fs::path proof = directory_ / "ran";
  const std::string command = std::string("(") + text("touch " + proof.string()) + "t";
  EXPECT_THAT(legacy_refusal(global("os", "system") + command + "R"), HasSubstr("wants to run \"os.system\"; refused"));
  EXPECT_THAT(legacy_refusal(global("builtins", "eval") + command + "R"), HasSubstr("\"builtins.eval\""));
  EXPECT_THAT(legacy_refusal(text("posix") + text("system") + "\x93" + command + "R"), HasSubstr("\"posix.system\""));
  EXPECT_THAT(legacy_refusal(std::string("(") + text("x") + "ios\nsystem\n"), HasSubstr("\"os.system\""));
  EXPECT_THAT(legacy_refusal(std::string("(cos\nsystem\n") + text("x") + "o"), HasSubstr("\"os.system\""));
  EXPECT_THAT(legacy_refusal(global("torch._utils", "_rebuild_tensor_v2") + ")\x81"), HasSubstr("object of a class"));
  EXPECT_THAT(legacy_refusal("\x82\1"), HasSubstr("extension registry"));
  EXPECT_THAT(legacy_refusal(global("torch.hub", "load") + command + "R"), HasSubstr("\"torch.hub.load\""));
  EXPECT_THAT(legacy_refusal(global("torch.nn.modules.linear", "Linear") + ")R"), HasSubstr("Linear"));
  EXPECT_THAT(legacy_refusal(global("os\x1b[2J", "system")), testing::Not(HasSubstr("\x1b")));
  write_zip({{"archive/data.pkl", pickle(global("os", "system") + command + "R")}});
  EXPECT_THAT(refusal(), HasSubstr("wants to run \"os.system\"; refused"));
  write(pickle(global("os", "system") + command + "R"));
  EXPECT_THAT(refusal(), HasSubstr("wants to run \"os.system\"; refused"));
  EXPECT_FALSE(fs::exists(proof));
}

TEST_F(Pth, TensorsThatReachOutsideTheirStorageAreRefused) {
  const auto says = [&](int64_t offset, const std::vector<int64_t>& sizes, const std::vector<int64_t>& strides) {
    return legacy_refusal(dict({{"w", tensor(storage("FloatStorage", "0", 2), offset, sizes, strides)}}));
  };
  EXPECT_EQ(says(0, {2}, {1}), "");
  EXPECT_EQ(says(1, {1, 1}, {100, 100}), "");
  EXPECT_EQ(says(0, {0, 3}, {3, 1}), "");
  EXPECT_THAT(says(0, {3}, {1}), HasSubstr("outside its storage"));
  EXPECT_THAT(says(1, {2}, {1}), HasSubstr("outside its storage"));
  EXPECT_THAT(says(2, {}, {}), HasSubstr("outside its storage"));
  EXPECT_THAT(says(INT64_MAX, {2}, {1}), HasSubstr("outside its storage"));
  EXPECT_THAT(says(0, {2, 2}, {INT64_MAX, INT64_MAX}), HasSubstr("outside its storage"));
  EXPECT_THAT(says(0, {int64_t{1} << 40}, {0}), HasSubstr("outside its storage"));
  EXPECT_THAT(says(0, {0, int64_t{1} << 40, int64_t{1} << 40}, {1, 1, 1}), HasSubstr("outside its storage"));
  EXPECT_NE(says(-1, {2}, {1}), "");
  EXPECT_NE(says(0, {-2}, {1}), "");
  EXPECT_NE(says(1, {2}, {-1}), "");
  EXPECT_NE(says(0, {2}, {1, 1}), "");
  EXPECT_NE(says(0, std::vector<int64_t>(65, 1), std::vector<int64_t>(65, 1)), "");
}

TEST_F(Pth, LegacyStoragesThatLieAreRefused) {
  const std::string values = dict({{"w", tensor(storage("FloatStorage", "0", 2), 0, {2}, {1})}});
  EXPECT_EQ(legacy_refusal(values), "");
  EXPECT_THAT(legacy_refusal(values, {{"0", counted(3, std::string(12, 'a'))}}), HasSubstr("not as long"));
  EXPECT_THAT(legacy_refusal(values, {{"1", counted(2, std::string(8, 'a'))}}), HasSubstr("no tensor has"));
  EXPECT_THAT(legacy_refusal(values, {}), HasSubstr("lacks storage"));
  const std::string huge = dict({{"w", tensor(storage("FloatStorage", "0", INT64_MAX), 0, {2}, {1})}});
  EXPECT_THAT(legacy_refusal(huge, {{"0", counted(INT64_MAX, "")}}), HasSubstr("cut short"));
  const std::string two = dict({{"v", tensor(storage("FloatStorage", "0", 2), 0, {2}, {1})},
                                {"w", tensor(storage("FloatStorage", "0", 9), 0, {9}, {1})}});
  EXPECT_THAT(legacy_refusal(two), HasSubstr("two sizes"));
  const std::string wide = dict({{"v", tensor(storage("FloatStorage", "0", 2), 0, {2}, {1})},
                                 {"w", tensor(storage("FloatStorage", "0", INT64_MAX), 0, {9}, {1})}});
  EXPECT_THAT(legacy_refusal(wide), HasSubstr("two sizes"));
  const std::string truth = dict({{"w", tensor(storage("BoolStorage", "0", 2), 0, {2}, {1})}});
  EXPECT_THAT(legacy_refusal(truth, {{"0", counted(2, "\1\2")}}), HasSubstr("neither 0 nor 1"));
  write(legacy(values, {{"0", counted(2, std::string(8, 'a'))}}, "\x89"));
  EXPECT_THAT(refusal(), HasSubstr("big-endian"));
  write(legacy(values, {{"0", counted(2, std::string(8, 'a'))}}, "\x88", 1002));
  EXPECT_THAT(refusal(), HasSubstr("version"));
  write(pickle(integer(7)));
  EXPECT_THAT(refusal(), HasSubstr("none that PyTorch saved"));
}

TEST_F(Pth, OldViewsOfStoragesAndOldParametersAreRead) {
  const std::string view = std::string("(") + text("v") + integer(1) + integer(2) + "t";
  const std::string old = global("torch._utils", "_rebuild_tensor") + "(" + storage("FloatStorage", "0", 4, view) +
                          integer(0) + tuple({2}) + tuple({1}) + "tR";
  const std::string parameter = global("torch.nn.parameter", "Parameter") + "(" + old + "tR(\x88\x89Ntb";
  write(legacy(dict({{"w", parameter}}), {{"0", counted(4, elements<float>({1, 2, 3, 4}))}}));
  EXPECT_EQ(values_of(read_pth(path_).at(0)), (std::vector<double>{2, 3}));
  const std::string outside = std::string("(") + text("v") + integer(3) + integer(2) + "t";
  EXPECT_NE(legacy_refusal(dict({{"w", tensor(storage("FloatStorage", "0", 4, outside), 0, {2}, {1})}})), "");
}

TEST_F(Pth, TypedTensorsOfUntypedStoragesAreRead) {
  const auto values = [](const std::string& type, int64_t offset) {
    const std::string bytes =
        "(" + text("storage") + global("torch.storage", "UntypedStorage") + text("0") + text("cpu") + integer(9) + "tQ";
    return dict(
        {{"w", global("torch._utils", "_rebuild_tensor_v3") + "(" + bytes + integer(offset) + tuple({2}) + tuple({1}) +
                   "\x89" + global("collections", "OrderedDict") + ")R" + global("torch", type) + "tR"}});
  };
  const std::string data = elements<float>({1, 2}) + "x";
  write_zip({{"a/data.pkl", pickle(values("float32", 0))}, {"a/data/0", data}});
  EXPECT_EQ(values_of(read_pth(path_).at(0)), (std::vector<double>{1, 2}));
  write_zip({{"a/data.pkl", pickle(values("float32", 1))}, {"a/data/0", data}});
  EXPECT_THAT(refusal(), HasSubstr("outside its storage"));
}

TEST_F(Pth, ZipArchivesAreReadStoredAndDeflated) {
  const std::string values = dict({{"w", tensor(storage("FloatStorage", "0", 3), 0, {3}, {1})}});
  for (const bool deflate : {false, true}) {
    write_zip({{"root/data.pkl", pickle(values)},
               {"root/byteorder", "little"},
               {"root/data/0", elements<float>({1, 2, 3})},
               {"root/version", "3\n"}},
              deflate);
    EXPECT_EQ(values_of(read_pth(path_).at(0)), (std::vector<double>{1, 2, 3}));
  }
}

TEST_F(Pth, ZipArchivesThatLieAreRefused) {
  const std::string values = pickle(dict({{"w", tensor(storage("FloatStorage", "0", 3), 0, {3}, {1})}}));
  const auto says = [&](const Named& files, bool deflate = false) {
    write_zip(files, deflate);
    return refusal();
  };
  const std::string data(12, 'a');
  EXPECT_EQ(says({{"a/data.pkl", values}, {"a/data/0", data}}), "");
  EXPECT_THAT(says({{"a/data.pkl", values}, {"a/data/0", data}, {"a/byteorder", "big"}}), HasSubstr("big-endian"));
  EXPECT_THAT(says({{"a/data.pkl", values}, {"a/data/0", data}, {"a/version", "11\n"}}), HasSubstr("of version"));
  EXPECT_THAT(says({{"a/data.pkl", values}, {"a/data/0", data}, {"a/version", "x"}}), HasSubstr("of version"));
  EXPECT_THAT(says({{"a/data.pkl", values}}), HasSubstr("is missing"));
  EXPECT_THAT(says({{"a/data.pkl", values}, {"a/data/0", data + "a"}}), HasSubstr("not as long"));
  EXPECT_THAT(says({{"a/data.pkl", ""}}), HasSubstr("cut short"));
  EXPECT_THAT(says({{"a/data.txt", ""}}), HasSubstr("neither"));
  EXPECT_THAT(says({{"a/data.pkl", std::string(65 << 20, 'N')}}, true), HasSubstr("refused"));
  const int64_t zeros = 128 << 20;
  const std::string bomb = pickle(dict({{"w", tensor(storage("ByteStorage", "0", zeros), 0, {zeros}, {1})}}));
  EXPECT_THAT(says({{"a/data.pkl", bomb}, {"a/data/0", std::string(zeros, '\0')}}, true), HasSubstr("16 times"));

  write_zip({{"a/data.pkl", values}, {"a/data/0", data}});
  std::string changed = read_file(path_);
  changed[changed.find(data) + 3] = 'b';
  write(changed);
  EXPECT_THAT(refusal(), HasSubstr("\"a/data/0\" is damaged"));
}

TEST_F(Pth, AWheelWithOneFileOfWeightsIsRead) {
  const std::string weights = read_file(kData / "checkpoint_legacy.pth");
  write_zip({{"p/__init__.py", "x = 1"}, {"p/models/w.pth", weights}, {"p.dist-info/METADATA", "Name: p"}}, true);
  EXPECT_EQ(read_pth(path_).size(), 3u);
  write_zip({{"p/models/w.pth", read_file(kData / "checkpoint_zip.pth")}});
  EXPECT_EQ(read_pth(path_).size(), 3u);
  write_zip({{"p/v.pth", weights}, {"p/w.pth", weights}});
  EXPECT_THAT(refusal(), HasSubstr("neither"));
  write_zip({{"p/w.pth", weights}});
  write_zip({{"q/w.pth", read_file(path_)}});
  EXPECT_THAT(refusal(), HasSubstr("neither")) << "a wheel in a wheel";
}

TEST_F(Pth, NestingAndCyclesEnd) {
  const std::string weights = tensor(storage("FloatStorage", "0", 2), 0, {2}, {1});
  // A dictionary that holds itself.
  EXPECT_EQ(legacy_refusal(std::string("}q\1") + text("self") + "h\1s" + text("w") + weights + "s"), "");
  // Dictionaries that hold the next twice: 2^30 ways to the tensor.
  std::string twice = dict({{"w", weights}}) + std::string("q\0", 2);
  for (int i = 0; i < 30; ++i)
    twice += std::string("0}", 2) + text("a") + std::string("h\0s", 3) + text("b") + std::string("h\0sq\0", 5);
  EXPECT_EQ(legacy_refusal(twice), "");
  // Deeper than any stack.
  std::string open, close;
  for (int i = 0; i < 100'000; ++i) {
    open += "}";
    open += text("a");
    close += "s";
  }
  EXPECT_EQ(legacy_refusal(open + dict({{"w", weights}}) + close), "");
  EXPECT_THAT(legacy_refusal(std::string(2'000'000, '(')), HasSubstr("more values"));
  EXPECT_THAT(legacy_refusal(std::string(2'000'000, ']')), HasSubstr("more values"));
}

TEST_F(Pth, FilesInMemoryAreNotNeededAfterTheCall) {
  for (const char* file : {"checkpoint_zip.pth", "checkpoint_legacy.pth"}) {
    std::string bytes = read_file(kData / file);
    const auto read = parse_pth(std::as_bytes(std::span(bytes)), "memory");
    std::fill(bytes.begin(), bytes.end(), 'x');
    EXPECT_EQ(values_of(read.at(0)), count(2)) << file;
    try {
      parse_pth(std::as_bytes(std::span(bytes)), "memory");
      ADD_FAILURE() << file;
    } catch (const InputError& error) {
      EXPECT_THAT(error.what(), testing::StartsWith("memory: "));
    }
  }
}

TEST_F(Pth, FilesWithoutWeightsAreRefused) {
  EXPECT_THAT(legacy_refusal(dict({{"lr", integer(1)}}), {}), HasSubstr("no dictionary of tensors"));
  EXPECT_THAT(legacy_refusal(tensor(storage("FloatStorage", "0", 2), 0, {2}, {1})),
              HasSubstr("no dictionary of tensors"));
  write("");
  EXPECT_THAT(refusal(), HasSubstr("is an empty file"));
  write("hello");
  EXPECT_THAT(refusal(), HasSubstr("neither"));
  write(std::string(257, '\0') + "ustar" + std::string(800, '\0'));
  EXPECT_THAT(refusal(), HasSubstr("tar archive"));
  fs::remove(path_);
  EXPECT_NE(refusal(), "");
}

}  // namespace
}  // namespace attend::formats
