// JSON from outside: bounded in depth, its faults named by place.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace attend {

using Json = nlohmann::ordered_json;

/// Parses JSON that may come from anybody. `source` names it in errors. Throws InputError with line and column where it is
/// no JSON, holds bytes that aren't UTF-8, a number too large, or lists and objects more than 100 deep, which would
/// overflow the stack of whoever walks them. `keep`, where given, sees every value as it is parsed and says whether the
/// tree keeps it.
Json parse_json(std::string_view text, const std::string& source, const Json::parser_callback_t& keep = nullptr);

/// A JSON file; a fault is an InputError with file, line and column.
Json read_json_file(const std::filesystem::path& path);

}  // namespace attend
