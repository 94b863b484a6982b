#include "train/ranks.h"

#include <algorithm>
#include <exception>

#include "base/error.h"

#ifdef ATTEND_GLOO
#include <arpa/inet.h>
#include <c10/util/Logging.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <torch/csrc/distributed/c10d/reducer.hpp>

#include "base/interrupt.h"
#include "base/parallel.h"
#endif

namespace attend {

#ifdef ATTEND_GLOO

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using torch::Tensor;
using Store = c10::intrusive_ptr<c10d::TCPStore>;

constexpr auto kBeat = 1s;           // between two signs of life
constexpr auto kSilence = 20s;       // after which a rank is lost
constexpr auto kShortSilence = 5s;   // the same where a connection broke
constexpr auto kSeenByAll = 2500ms;  // in which every rank has looked whether all end

std::string text_of(const std::vector<uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }
std::vector<uint8_t> bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

/// "rank 2", or "ranks 2, 5 and 7".
std::string named(const std::vector<int>& ranks) {
  constexpr size_t kMost = 16;
  std::string text = ranks.size() == 1 ? "rank " : "ranks ";
  for (size_t i = 0; i < ranks.size(); ++i) {
    if (i == kMost) return text + " and " + std::to_string(ranks.size() - kMost) + " more";
    if (i > 0) text += i + 1 == ranks.size() ? " and " : ", ";
    text += std::to_string(ranks[i]);
  }
  return text;
}

/// This machine's address on the way to `host`: the one that others reach it by. Empty where it can't be told.
std::string address_towards(const std::string& host) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_DGRAM;
  if (::getaddrinfo(host.c_str(), "9", &hints, &found) != 0) return "";
  std::string address;
  for (const auto* one = found; one && address.empty(); one = one->ai_next) {
    const int socket = ::socket(one->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (socket < 0) continue;
    sockaddr_storage own{};
    socklen_t size = sizeof own;
    char text[NI_MAXHOST];
    // Sends nothing: it only chooses the way.
    if (::connect(socket, one->ai_addr, one->ai_addrlen) == 0 &&
        ::getsockname(socket, reinterpret_cast<sockaddr*>(&own), &size) == 0 &&
        ::getnameinfo(reinterpret_cast<sockaddr*>(&own), size, text, sizeof text, nullptr, 0, NI_NUMERICHOST) == 0)
      address = text;
    ::close(socket);
  }
  ::freeaddrinfo(found);
  return address;
}

/// Why no machine is known by this name or address; empty where one is.
std::string why_unknown(const std::string& host) {
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(host.c_str(), nullptr, nullptr, &found)) return ::gai_strerror(error);
  ::freeaddrinfo(found);
  return "";
}

std::shared_ptr<::gloo::transport::Device> device_towards(const std::string& host) {
  using c10d::ProcessGroupGloo;
  if (const char* name = std::getenv("GLOO_SOCKET_IFNAME"); name && *name)
    return ProcessGroupGloo::createDeviceForInterface(name);
  const std::string address = address_towards(host);
  return address.empty() ? ProcessGroupGloo::createDefaultDevice() : ProcessGroupGloo::createDeviceForHostname(address);
}

}  // namespace

class Ranks::Group {
 public:
  Group(const RankPlace& place, std::chrono::seconds patience, std::function<void(const std::string&)> end)
      : place_(place), at_(place.host + ":" + std::to_string(place.port)), end_(std::move(end)) {
#ifdef C10_USE_GLOG
    FLAGS_minloglevel = google::GLOG_FATAL;  // what c10d has to say comes as exceptions, too
#endif
    try {
      store_ = open_store(place.rank == 0, patience);
      come(patience);
    } catch (const Error&) {
      throw;
    } catch (const std::exception& error) {  // c10d's own
      throw Error(at_ + ": " + first_line(error.what()));
    }
    threads_.push_back(start_thread([this] { beat(); }));
    if (place.rank != 0) threads_.push_back(start_thread([this] { watch_store(); }));
    try {
      guarded([&] {
        const auto options = c10d::ProcessGroupGloo::Options::create();
        options->devices.push_back(device_towards(place.host));
        gloo_ = c10::make_intrusive<c10d::ProcessGroupGloo>(store_, place.rank, place.size, options);
      });
    } catch (...) {
      stop_watching();
      throw;
    }
  }

  /// The others are told that this rank says why all end; where rank 0 says it already, this one doesn't.
  void end_all() {
    try {
      if (place_.rank == 0) {
        store_->set("end", bytes_of("0"));
        stop_watching();
        std::this_thread::sleep_for(kSeenByAll);
        return;
      }
      for (auto until = Clock::now() + 3s; Clock::now() < until && !ended_;) std::this_thread::sleep_for(50ms);
      if (ended_) std::this_thread::sleep_for(10s);  // the watching thread ends the process
      store_->set("end", bytes_of(std::to_string(place_.rank)));
    } catch (const std::exception&) {  // the store is gone with rank 0: nobody is left to be told
    }
    stop_watching();
  }

  /// At the end of the work: rank 0, which has the store, goes last.
  void leave() {
    try {
      if (place_.rank != 0) store_->set(key("left", place_.rank), bytes_of("1"));
      stop_watching();
      const auto until = Clock::now() + 30s;
      for (int r = 1; place_.rank == 0 && r < place_.size; ++r)
        while (!store_->check({key("left", r)}) && Clock::now() < until) std::this_thread::sleep_for(10ms);
    } catch (const std::exception&) {
    }
    stop_watching();
  }

  /// Work that waits for other ranks. Where one was lost meanwhile, the watching thread says so and ends the process.
  template <class Work>
  void guarded(Work&& work) {
    try {
      work();
    } catch (const std::exception& error) {
      const std::string what = error.what();
      if (what.find("gloo") == std::string::npos) throw;
      broken_ = true;
      std::this_thread::sleep_for(kSilence + 10s);
      throw Error("the connection to another rank broke: " + first_line(what));
    }
  }

  void sum(Tensor tensor) {
    std::vector<Tensor> list{std::move(tensor)};
    guarded([&] { gloo_->allreduce(list)->wait(); });
  }

  void broadcast(Tensor tensor) {
    std::vector<Tensor> list{tensor.clone(at::MemoryFormat::Contiguous)};  // as tensor
    guarded([&] { gloo_->broadcast(list)->wait(); });
    tensor.copy_(list.front());  // whoever keeps something made of it notices
  }

  std::string broadcast(std::string bytes) {
    const Tensor size = torch::tensor({static_cast<int64_t>(bytes.size())}, torch::kInt64);  // [1]
    broadcast(size);
    bytes.resize(static_cast<size_t>(size.item<int64_t>()));
    if (!bytes.empty()) broadcast(as_tensor(bytes));  // [size]
    return bytes;
  }

  std::vector<std::string> gather(const std::string& bytes) {
    const auto n = static_cast<size_t>(place_.size);
    std::vector<Tensor> own{torch::tensor({static_cast<int64_t>(bytes.size())}, torch::kInt64)};  // [1]
    std::vector<std::vector<Tensor>> all(1);
    for (size_t r = 0; r < n; ++r) all[0].push_back(torch::zeros({1}, torch::kInt64));  // [1]
    guarded([&] { gloo_->allgather(all, own)->wait(); });
    std::vector<size_t> sizes;
    for (const auto& size : all[0]) sizes.push_back(static_cast<size_t>(size.item<int64_t>()));
    const size_t most = *std::max_element(sizes.begin(), sizes.end());

    std::vector<std::string> texts(place_.rank == 0 ? n : 0, std::string(most, '\0'));
    std::string padded = bytes;
    padded.resize(most);
    if (most > 0) {
      own = {as_tensor(padded)};  // [most]
      all.clear();
      if (place_.rank == 0) all.emplace_back();
      for (auto& text : texts) all[0].push_back(as_tensor(text));  // [most]
      guarded([&] { gloo_->gather(all, own)->wait(); });
    }
    for (size_t r = 0; r < texts.size(); ++r) texts[r].resize(sizes[r]);
    return texts;
  }

  void reduce_gradients(std::vector<Tensor> parameters) {
    if (reducer_ && parameters.size() == parameters_.size()) return;
    reducer_.reset();
    // What stands last in the network has its gradient first.
    std::reverse(parameters.begin(), parameters.end());
    parameters_ = parameters;
    constexpr size_t kFirstBucket = size_t{1} << 20, kBucket = size_t{4} << 20;  // bytes
    const auto [buckets, limits] = c10d::compute_bucket_assignment_by_size(parameters, {kFirstBucket, kBucket});
    reducer_ = std::make_unique<c10d::Reducer>(parameters, buckets, limits, gloo_,
                                               std::vector<bool>(parameters.size(), false), kBucket,
                                               /*find_unused_parameters=*/true, /*gradient_as_bucket_view=*/true,
                                               std::unordered_map<size_t, std::string>(), kFirstBucket);
  }

  void backward(const Tensor& loss) {
    // The reducer takes the mean over the ranks.
    const Tensor scaled =
        loss.defined() ? loss * static_cast<double>(place_.size) : parameters_.front().sum() * 0;  // []
    guarded([&] {
      reducer_->prepare_for_backward({scaled});
      scaled.backward();
    });
  }

 private:
  static std::string key(const char* what, int rank) { return what + ("/" + std::to_string(rank)); }
  static std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }
  static Tensor as_tensor(std::string& bytes) {
    return torch::from_blob(bytes.data(), {static_cast<int64_t>(bytes.size())}, torch::kUInt8);  // [n]
  }

  /// The others wait for a name, too: that of a machine which is just starting may be known later.
  void require_known_host() const {
    if (const std::string why = why_unknown(place_.host); !why.empty())
      throw UsageError(at_ + ": no machine is known here by this name (" + why +
                       "); set MASTER_ADDR to that of rank 0's machine");
  }

  Store open_store(bool server, std::chrono::seconds patience) const {
    if (server) require_known_host();
    c10d::TCPStoreOptions options;
    options.port = place_.port;
    options.isServer = server;
    options.waitWorkers = false;
    options.timeout = server ? patience : std::min(patience, 10s);  // c10d wouldn't hear of Ctrl-C meanwhile
    const auto until = Clock::now() + patience;
    for (;;) {
      try {
        const auto store = c10::make_intrusive<c10d::TCPStore>(place_.host, options);
        store->setTimeout(patience);
        return store;
      } catch (const std::exception& error) {
        if (interrupted()) throw Interrupted("stopped while waiting for rank 0");
        if (!server && Clock::now() < until) continue;
        const std::string what = error.what();
        if (server && what.find("in use") != std::string::npos)
          throw UsageError("MASTER_PORT " + std::to_string(place_.port) +
                           ": another program on this machine has this port; choose another one for all ranks");
        require_known_host();
        if (server) throw Error(at_ + ": rank 0 can't be reached there by itself: " + first_line(what));
        throw Error(at_ + ": rank 0 hasn't opened this within " + std::to_string(patience.count()) +
                    " s; see that it runs there, and that MASTER_ADDR and MASTER_PORT are the same for all");
      }
    }
  }

  /// Waits for all.
  void come(std::chrono::seconds patience) {
    const int rank = place_.rank, size = place_.size;
    const std::string sizes = agreed_size(patience);
    if (sizes != std::to_string(size))
      throw UsageError("WORLD_SIZE is " + std::to_string(size) + " for rank " + std::to_string(rank) + ", but " +
                       sizes + " for another rank at " + at_ + "; it has to be the same for all");
    if (store_->add(key("here", rank), 1) > 1)
      throw UsageError("rank " + std::to_string(rank) + " has come to " + at_ +
                       " already: two processes have this rank, or another run has this port");
    const auto until = Clock::now() + patience + (rank == 0 ? 0s : 5s);
    while (Clock::now() < until) {
      if (interrupted()) throw Interrupted("stopped while waiting for other ranks");
      if (rank == 0 && absent().empty()) {
        store_->set("go", bytes_of("1"));
        return;
      }
      if (rank != 0 && store_->check({"go"})) return;
      if (rank != 0 && store_->check({"end"})) end_("");
      std::this_thread::sleep_for(50ms);
    }
    if (rank != 0) throw Error(at_ + ": rank 0 has stopped answering while ranks were waited for");
    const std::string who = named(absent());
    store_->set("end", bytes_of("0"));
    std::this_thread::sleep_for(kSeenByAll);
    throw Error(who + " of " + std::to_string(size) + " (from 0) did not come to " + at_ + " within " +
                std::to_string(patience.count()) + " s; see that they run, or start fewer");
  }

  /// The number of ranks as the first that came has it. Another program that has the port may keep silent for ever, or hang up.
  std::string agreed_size(std::chrono::seconds patience) {
    const std::string elsewhere =
        at_ +
        ": what listens there doesn't answer as rank 0 does; see that MASTER_ADDR and MASTER_PORT are the same for "
        "all, and that no other program has this port";
    const auto task = std::make_shared<std::packaged_task<std::string()>>([store = store_, size = place_.size] {
      return text_of(store->compareSet("size", {}, bytes_of(std::to_string(size))));
    });
    auto answer = task->get_future();
    start_thread([task] { (*task)(); }).detach();
    for (const auto until = Clock::now() + patience; answer.wait_for(50ms) != std::future_status::ready;) {
      if (interrupted()) throw Interrupted("stopped while waiting for rank 0");
      if (Clock::now() > until) end_(elsewhere);
    }
    try {
      return answer.get();
    } catch (const std::exception&) {
      throw Error(elsewhere);
    }
  }

  std::vector<int> absent() {
    std::vector<int> ranks;
    for (int r = 1; r < place_.size; ++r)
      if (!store_->check({key("here", r)})) ranks.push_back(r);
    return ranks;
  }

  /// Gives signs of life, and looks whether all end; rank 0 looks for those of the others.
  void beat() {
    try {
      // A connection of its own: the other one may wait for long.
      const auto store = open_store(false, 30s);
      std::vector<std::pair<int64_t, Clock::time_point>> seen(static_cast<size_t>(place_.size), {0, Clock::now()});
      while (!stopped_) {
        if (store->check({"end"})) finish("");
        store->add(key("alive", place_.rank), 1);
        answered_ = Clock::now().time_since_epoch().count();
        if (place_.rank == 0) find_lost(*store, seen);
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, kBeat, [&] { return stopped_.load(); });
      }
    } catch (const std::exception&) {  // the store is rank 0's
      if (!stopped_) finish("rank 0 is lost: it ended, or its machine did; --resume goes on from the last checkpoint");
    }
  }

  void find_lost(c10d::TCPStore& store, std::vector<std::pair<int64_t, Clock::time_point>>& seen) {
    std::vector<int> lost;
    for (int r = 1; r < place_.size; ++r) {
      auto& [count, since] = seen[static_cast<size_t>(r)];
      const int64_t now = store.add(key("alive", r), 0);
      if (now != count) {
        count = now;
        since = Clock::now();
      } else if (Clock::now() - since > (broken_ ? kShortSilence : kSilence) && !store.check({key("left", r)})) {
        lost.push_back(r);
      }
    }
    if (lost.empty()) return;
    store.set("end", bytes_of("0"));
    std::this_thread::sleep_for(kSeenByAll);
    finish(named(lost) + (lost.size() == 1 ? " is" : " are") + " lost: " + (lost.size() == 1 ? "it" : "they") +
           " ended without a word, or the machine doesn't answer; --resume goes on from the last checkpoint");
  }

  /// Where rank 0's machine is gone, its store neither answers nor breaks the connection.
  void watch_store() {
    answered_ = Clock::now().time_since_epoch().count();
    while (!stopped_) {
      const Clock::time_point answered{Clock::duration(answered_.load())};
      if (Clock::now() - answered > kSilence)
        finish("rank 0 is lost: its machine doesn't answer; --resume goes on from the last checkpoint");
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, kBeat, [&] { return stopped_.load(); });
    }
  }

  void finish(const std::string& line) {
    const std::lock_guard lock(finish_mutex_);
    if (stopped_) return;
    ended_ = true;
    end_(line);
  }

  void stop_watching() {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    changed_.notify_all();
    for (auto& thread : threads_) thread.join();
    threads_.clear();
  }

  const RankPlace place_;
  const std::string at_;  // host and port of rank 0
  const std::function<void(const std::string&)> end_;
  Store store_;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo_;
  std::vector<Tensor> parameters_;
  std::unique_ptr<c10d::Reducer> reducer_;
  std::vector<std::thread> threads_;
  std::mutex mutex_, finish_mutex_;
  std::condition_variable changed_;
  std::atomic<bool> stopped_ = false, broken_ = false, ended_ = false;
  std::atomic<Clock::rep> answered_ = 0;  // when rank 0's store last did
};

#else

/// Where gloo's headers are missing there is no group, and no Ranks that isn't alone.
class Ranks::Group {
 public:
  Group(const RankPlace& place, std::chrono::seconds, std::function<void(const std::string&)>) {
    throw UsageError(place.launcher + " asks for a group of " + std::to_string(place.size) +
                     " processes, but this attend was built without gloo, which needs LibTorch 1.13 and the headers of "
                     "libgloo-dev (tools/setup installs them); build again, or unset the launcher's variables");
  }
  void end_all() {}
  void leave() {}
  void sum(torch::Tensor) {}
  void broadcast(torch::Tensor) {}
  std::string broadcast(std::string bytes) { return bytes; }
  std::vector<std::string> gather(const std::string& bytes) { return {bytes}; }
  void reduce_gradients(std::vector<torch::Tensor>) {}
  void backward(const torch::Tensor&) {}
};

#endif

Ranks::Ranks() = default;

Ranks::Ranks(const RankPlace& place, std::chrono::seconds patience, std::function<void(const std::string&)> end)
    : place_(place) {
  if (place.size > 1) group_ = std::make_unique<Group>(place, patience, std::move(end));
}

Ranks::~Ranks() {
  if (!group_) return;
  if (std::uncaught_exceptions() > 0)
    group_->end_all();
  else
    group_->leave();
}

void Ranks::require_same(const Json& facts) {
  if (!group_) return;
  const auto flat = facts.flatten();
  const Json of_first = broadcast(flat);
  const auto at = [](const Json& object, const std::string& key) {
    return object.contains(key) ? object[key] : Json();
  };
  std::string differs;
  for (const auto& [key, value] : of_first.items())
    if (differs.empty() && at(flat, key) != value) differs = key;
  for (const auto& [key, value] : flat.items())
    if (differs.empty() && !of_first.contains(key)) differs = key;
  const Json mine = differs.empty() ? Json() : Json{{"key", differs}, {"value", at(flat, differs)}};
  Json found;  // by rank 0: the first rank that differs
  const auto all = gather(mine.is_null() ? "" : mine.dump());
  for (size_t r = 0; r < all.size() && found.is_null(); ++r)
    if (!all[r].empty()) (found = Json::parse(all[r]))["rank"] = r;
  found = broadcast(found);
  if (found.is_null()) return;
  std::string name = found["key"].get<std::string>().substr(1);  // "/train/seed" → "train.seed"
  std::replace(name.begin(), name.end(), '/', '.');
  const auto said = [](const Json& value) { return value.is_null() ? std::string("nothing") : value.dump(); };
  throw UsageError("rank " + found["rank"].dump() + " has another " + name + " than rank 0: " + said(found["value"]) +
                   ", not " + said(at(of_first, found["key"].get<std::string>())) +
                   "; start all ranks with the same attend, configuration and data");
}

void Ranks::sum(torch::Tensor tensor) {
  if (group_) group_->sum(std::move(tensor));
}

void Ranks::broadcast(torch::Tensor tensor) {
  const torch::NoGradGuard no_grad;
  if (group_) group_->broadcast(tensor.detach());
}

std::string Ranks::broadcast(std::string bytes) { return group_ ? group_->broadcast(std::move(bytes)) : bytes; }

Json Ranks::broadcast(const Json& value) {
  if (!group_) return value;
  // Not as text: names of files may be no UTF-8.
  std::string bytes;
  if (first()) Json::to_msgpack(value, bytes);
  return Json::from_msgpack(broadcast(std::move(bytes)));
}

std::vector<std::string> Ranks::gather(const std::string& bytes) {
  return group_ ? group_->gather(bytes) : std::vector<std::string>{bytes};
}

bool Ranks::any(bool here) {
  if (!group_) return here;
  const auto count = torch::tensor({int64_t{here}}, torch::kInt64);  // [1]
  group_->sum(count);
  return count.item<int64_t>() > 0;
}

void Ranks::barrier() { any(false); }

void Ranks::reduce_gradients(std::vector<torch::Tensor> parameters) {
  if (group_) group_->reduce_gradients(std::move(parameters));
}

void Ranks::backward(const torch::Tensor& loss) {
  if (group_)
    group_->backward(loss);
  else
    loss.backward();
}

}  // namespace attend
