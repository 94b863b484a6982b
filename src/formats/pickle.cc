#include "formats/pickle.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/error.h"
#include "base/printable.h"

namespace attend::formats::pickle {
namespace {

constexpr size_t kMostValues = 1 << 20;  // ten times what a large network needs
constexpr size_t kMostDimensions = 64;
constexpr size_t kMostNameLength = 256;

constexpr std::pair<std::string_view, ElementType> kStorages[] = {
    {"DoubleStorage", ElementType::kFloat64}, {"FloatStorage", ElementType::kFloat32},
    {"HalfStorage", ElementType::kFloat16},   {"BFloat16Storage", ElementType::kBFloat16},
    {"LongStorage", ElementType::kInt64},     {"IntStorage", ElementType::kInt32},
    {"ShortStorage", ElementType::kInt16},    {"CharStorage", ElementType::kInt8},
    {"ByteStorage", ElementType::kUInt8},     {"BoolStorage", ElementType::kBool}};
constexpr std::pair<std::string_view, ElementType> kTypes[] = {
    {"float64", ElementType::kFloat64},   {"float32", ElementType::kFloat32}, {"float16", ElementType::kFloat16},
    {"bfloat16", ElementType::kBFloat16}, {"int64", ElementType::kInt64},     {"int32", ElementType::kInt32},
    {"int16", ElementType::kInt16},       {"int8", ElementType::kInt8},       {"uint8", ElementType::kUInt8},
    {"bool", ElementType::kBool}};

/// The fixed list of names that a file may use.
std::optional<Global> find_global(std::string_view module, std::string_view name) {
  using Kind = Global::Kind;
  if (module == "collections" && name == "OrderedDict") return Global{Kind::OrderedDict, {}};
  if (module == "torch" && name == "Size") return Global{Kind::Size, {}};
  if (module == "torch._utils") {
    if (name == "_rebuild_tensor" || name == "_rebuild_tensor_v2") return Global{Kind::Tensor, {}};
    if (name == "_rebuild_tensor_v3") return Global{Kind::TypedTensor, {}};
    if (name == "_rebuild_parameter" || name == "_rebuild_parameter_with_state") return Global{Kind::Parameter, {}};
  }
  if (module == "torch.nn.parameter" && name == "Parameter") return Global{Kind::Parameter, {}};  // PyTorch < 0.4
  if ((module == "torch" || module == "torch.storage") && name == "UntypedStorage") return Global{Kind::Storage, {}};
  if (module == "torch" || module == "torch.cuda")
    for (const auto& [known, type] : kStorages)
      if (name == known) return Global{Kind::Storage, type};
  if (module == "torch")
    for (const auto& [known, type] : kTypes)
      if (name == known) return Global{Kind::Type, type};
  return std::nullopt;
}

}  // namespace

/// Runs the pickle's opcodes on a stack, as pickletools.py describes them.
class Pickle::Reader {
 public:
  Reader(Pickle& result, std::span<const std::byte> bytes, size_t& position, const std::string& source)
      : result_(result), bytes_(bytes), position_(position), source_(source) {}

  void read() {
    for (;;) {
      const auto opcode = number<uint8_t>();
      if (opcode == '.') break;
      step(opcode);
    }
    result_.root_ = pop();
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw InputError(source_ + ": " + what + " (pickle, byte " + std::to_string(position_) + ")");
  }
  [[noreturn]] void damaged() const { fail("the file is damaged or no PyTorch file"); }

  // Bytes.

  std::string_view take(uint64_t size) {
    if (size > bytes_.size() - position_) fail("the file is cut short");
    const auto* begin = reinterpret_cast<const char*>(bytes_.data()) + position_;
    position_ += size;
    return {begin, size};
  }
  template <class T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  double big_endian_double() { return std::bit_cast<double>(__builtin_bswap64(number<uint64_t>())); }
  std::string_view line() {
    const auto* begin = reinterpret_cast<const char*>(bytes_.data()) + position_;
    const auto* end =
        static_cast<const char*>(std::memchr(begin, '\n', std::min(bytes_.size() - position_, kMostNameLength)));
    if (!end) damaged();
    return take(static_cast<size_t>(end - begin) + 1).substr(0, static_cast<size_t>(end - begin));
  }

  // The stack.

  /// Bounds the work: a few bytes could otherwise ask for the same long list again and again.
  void spend(size_t values) {
    spent_ += values;
    if (spent_ > kMostValues) fail("it holds more values than any network needs; refused");
  }
  void push(Value value) {
    spend(1);
    stack_.push_back(&result_.values_.emplace_back(std::move(value)));
  }
  Value* top() {
    if (stack_.empty() || (!marks_.empty() && stack_.size() == marks_.back())) damaged();
    return stack_.back();
  }
  Value* pop() {
    Value* value = top();
    stack_.pop_back();
    return value;
  }
  std::vector<Value*> pop_count(size_t count) {
    std::vector<Value*> values(count);
    for (size_t i = count; i > 0; --i) values[i - 1] = pop();
    return values;
  }
  std::vector<Value*> pop_to_mark() {
    if (marks_.empty()) damaged();
    const auto begin = stack_.begin() + static_cast<ptrdiff_t>(marks_.back());
    std::vector<Value*> values(begin, stack_.end());
    stack_.erase(begin, stack_.end());
    marks_.pop_back();
    return values;
  }
  template <class T>
  T& as(Value* value) const {
    auto* typed = std::get_if<T>(value);
    if (!typed) damaged();
    return *typed;
  }
  void remember(uint32_t key) {
    spend(1);
    memo_[key] = top();
  }
  void recall(uint32_t key) {
    const auto found = memo_.find(key);
    if (found == memo_.end()) damaged();
    spend(1);
    stack_.push_back(found->second);
  }

  // Values.

  void add_items(Dict& dict, const std::vector<Value*>& items) {
    if (items.size() % 2 != 0) damaged();
    for (size_t i = 0; i < items.size(); i += 2) dict.items.emplace_back(items[i], items[i + 1]);
  }
  void add_items(List& list, const std::vector<Value*>& items) {
    list.items.insert(list.items.end(), items.begin(), items.end());
  }
  const std::vector<Value*>& items_of(Value* value) const {
    if (const auto* list = std::get_if<List>(value)) return list->items;
    return as<Tuple>(value).items;
  }
  int64_t count_of(Value* value) const {
    const int64_t count = as<int64_t>(value);
    if (count < 0) damaged();
    return count;
  }
  std::vector<int64_t> counts_of(Value* value) const {
    const auto& items = items_of(value);
    if (items.size() > kMostDimensions) fail("a tensor has more than 64 dimensions; refused");
    std::vector<int64_t> counts;
    for (Value* item : items) counts.push_back(count_of(item));
    return counts;
  }
  Value long_integer(uint64_t size) {
    const auto bytes = take(size);
    if (size > sizeof(int64_t)) return BigInteger{bytes};
    uint64_t value = size > 0 && (bytes.back() & 0x80) ? ~uint64_t{0} : 0;  // the sign fills what isn't there
    std::memcpy(&value, bytes.data(), size);
    return static_cast<int64_t>(value);
  }
  Value global(std::string_view module, std::string_view name) const {
    const auto known = find_global(module, name);
    if (!known) fail("wants to run " + quote(std::string(module) + "." + std::string(name)) + "; refused");
    return *known;
  }

  /// A persistent id: ('storage', type, key, location, size[, view]) with view None or (key, begin, size).
  Value storage(Value* id) const {
    const auto& parts = as<Tuple>(id).items;
    if (parts.size() < 5 || parts.size() > 6 || as<std::string_view>(parts[0]) != "storage") damaged();
    const auto& type = as<Global>(parts[1]);
    const auto key = as<std::string_view>(parts[2]);
    if (type.kind != Global::Kind::Storage || key.size() > kMostNameLength) damaged();
    Storage storage{std::string(key), type.type, count_of(parts[4]), 0, 0};
    storage.view_size = storage.size;
    if (parts.size() == 6 && !std::holds_alternative<None>(*parts[5])) {
      const auto& view = as<Tuple>(parts[5]).items;
      if (view.size() != 3) damaged();
      storage.view_begin = count_of(view[1]);
      storage.view_size = count_of(view[2]);
      if (storage.view_begin > storage.size || storage.view_size > storage.size - storage.view_begin)
        fail("a view reaches outside its storage; the file is damaged");
    }
    return storage;
  }

  StoredTensor tensor(const std::vector<Value*>& arguments, std::optional<ElementType> type) const {
    const auto& storage = as<Storage>(arguments[0]);
    int64_t available = storage.view_size;
    if (type && !storage.type) {
      if (storage.view_begin != 0) damaged();
      available /= size_of(*type);
    } else if (!storage.type || (type && type != storage.type)) {
      fail("a tensor's type is not its storage's; refused");
    }
    StoredTensor view{&storage, type ? *type : *storage.type, count_of(arguments[1]), counts_of(arguments[2]),
                      counts_of(arguments[3])};
    if (view.sizes.size() != view.strides.size()) damaged();
    int64_t end = view.offset, elements = 1, product = 1;  // of the element that lies farthest; of all; zeros left out
    bool lies = false;
    for (size_t i = 0; i < view.sizes.size(); ++i) {
      int64_t reach = 0;
      lies |= __builtin_mul_overflow(product, std::max<int64_t>(view.sizes[i], 1), &product);
      lies |= __builtin_mul_overflow(std::max<int64_t>(view.sizes[i] - 1, 0), view.strides[i], &reach);
      lies |= __builtin_add_overflow(end, reach, &end);
      if (view.sizes[i] == 0) elements = 0;
    }
    if (elements != 0) elements = product;
    if (lies || (elements > 0 && end >= available) || elements > available)
      fail("a tensor reaches outside its storage; the file is damaged");
    view.offset += storage.view_begin;
    return view;
  }

  void reduce() {
    Value* arguments_value = pop();
    const auto& arguments = as<Tuple>(arguments_value).items;
    const auto& function = as<Global>(pop());
    using Kind = Global::Kind;
    switch (function.kind) {
      case Kind::OrderedDict: {
        Dict dict;
        if (arguments.size() > 1) damaged();
        if (arguments.size() == 1) {
          const auto& pairs = items_of(arguments[0]);
          spend(pairs.size());
          for (Value* pair : pairs) {
            if (items_of(pair).size() != 2) damaged();
            add_items(dict, items_of(pair));
          }
        }
        return push(std::move(dict));
      }
      case Kind::Size:
        if (arguments.size() != 1) damaged();
        as<Tuple>(arguments[0]);
        stack_.push_back(arguments[0]);
        return;
      case Kind::Tensor:  // storage, offset, sizes, strides, and from v2 on: requires_grad, hooks[, metadata]
        if (arguments.size() != 4 && arguments.size() != 6 && arguments.size() != 7) damaged();
        return push(tensor(arguments, std::nullopt));
      case Kind::TypedTensor:  // storage, offset, sizes, strides, requires_grad, hooks, type[, metadata]
        if (arguments.size() != 7 && arguments.size() != 8) damaged();
        if (as<Global>(arguments[6]).kind != Kind::Type) damaged();
        return push(tensor(arguments, as<Global>(arguments[6]).type));
      case Kind::Parameter:  // tensor, requires_grad, …
        if (arguments.empty()) damaged();
        as<StoredTensor>(arguments[0]);
        stack_.push_back(arguments[0]);
        return;
      case Kind::Storage:
      case Kind::Type:
        damaged();
    }
  }

  void step(uint8_t opcode) {
    switch (opcode) {
      case 0x80:  // PROTO
        if (number<uint8_t>() > 5) fail("its pickle protocol is newer than 5");
        return;
      case 0x95:  // FRAME
        number<uint64_t>();
        return;
      case '(':
        marks_.push_back(stack_.size());
        return spend(1);
      case '0':
        pop();
        return;
      case '1':
        pop_to_mark();
        return;
      case '2':
        spend(1);
        stack_.push_back(top());
        return;
      case 'N':
        return push(None{});
      case 0x88:
        return push(true);
      case 0x89:
        return push(false);
      case 'J':
        return push(int64_t{number<int32_t>()});
      case 'K':
        return push(int64_t{number<uint8_t>()});
      case 'M':
        return push(int64_t{number<uint16_t>()});
      case 0x8a:
        return push(long_integer(number<uint8_t>()));
      case 0x8b:
        return push(long_integer(number<uint32_t>()));
      case 'G':
        return push(big_endian_double());
      case 'X':
      case 'B':
      case 'T':
        return push(take(number<uint32_t>()));
      case 0x8c:
      case 'C':
      case 'U':
        return push(take(number<uint8_t>()));
      case 0x8d:
      case 0x8e:
        return push(take(number<uint64_t>()));
      case '}':
        return push(Dict{});
      case ']':
        return push(List{});
      case ')':
        return push(Tuple{});
      case 't':
        return push(Tuple{pop_to_mark()});
      case 0x85:
        return push(Tuple{pop_count(1)});
      case 0x86:
        return push(Tuple{pop_count(2)});
      case 0x87:
        return push(Tuple{pop_count(3)});
      case 'a': {
        const auto items = pop_count(1);
        return add_items(as<List>(top()), items);
      }
      case 'e': {
        const auto items = pop_to_mark();
        return add_items(as<List>(top()), items);
      }
      case 's': {
        const auto items = pop_count(2);
        return add_items(as<Dict>(top()), items);
      }
      case 'u': {
        const auto items = pop_to_mark();
        return add_items(as<Dict>(top()), items);
      }
      case 'q':
        return remember(number<uint8_t>());
      case 'r':
        return remember(number<uint32_t>());
      case 0x94:
        return remember(static_cast<uint32_t>(memo_.size()));
      case 'h':
        return recall(number<uint8_t>());
      case 'j':
        return recall(number<uint32_t>());
      case 'c':    // GLOBAL
      case 'i': {  // INST, whose names are never among the allowed
        const auto module = line();
        const auto name = line();
        if (opcode == 'i') fail("wants to run " + quote(std::string(module) + "." + std::string(name)) + "; refused");
        return push(global(module, name));
      }
      case 0x93: {
        const auto names = pop_count(2);
        const auto module = as<std::string_view>(names[0]), name = as<std::string_view>(names[1]);
        return push(global(module.substr(0, kMostNameLength), name.substr(0, kMostNameLength)));
      }
      case 'R':
        return reduce();
      case 'b': {  // BUILD: attributes of an OrderedDict (_metadata) or of an old Parameter, of no use here
        pop();
        if (!std::holds_alternative<Dict>(*top()) && !std::holds_alternative<StoredTensor>(*top())) damaged();
        return;
      }
      case 'Q':
        push(storage(pop()));
        result_.storages_.push_back(&as<Storage>(top()));
        return;
      case 'o':
      case 0x81:
      case 0x92:
        fail("wants to make an object of a class; refused");
      case 0x82:
      case 0x83:
      case 0x84:
        fail("wants to use Python's extension registry; refused");
      default:
        fail("its opcode " + std::to_string(opcode) + " is not one that tensors need; refused");
    }
  }

  Pickle& result_;
  const std::span<const std::byte> bytes_;
  size_t& position_;
  const std::string& source_;
  std::vector<Value*> stack_;
  std::vector<size_t> marks_;  // sizes of the stack
  std::unordered_map<uint32_t, Value*> memo_;
  size_t spent_ = 0;
};

Pickle::Pickle(std::span<const std::byte> bytes, size_t& position, const std::string& source) {
  Reader(*this, bytes, position, source).read();
}

}  // namespace attend::formats::pickle
