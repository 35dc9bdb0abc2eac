#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include "csrc/core/thread_pool.h"
#include "tests/cpp/check.h"
#include "tests/cpp/covers.h"

namespace gibbslab {
namespace {

TEST(every_task_runs_once) {
  for (int threads : {1, 2, 3, 8})
    for (int64_t n : {0, 1, 2, 3, 7, 64, 1000}) CHECK(covers(threads, n));
}

TEST(many_small_loops) {
  std::atomic<int64_t> total{0};
  for (int round = 0; round < 5000; ++round)
    parallel_for(2 + round % 3, 5, [&](int64_t i) { total += i; });
  CHECK(total == 5000 * 10);
}

TEST(the_first_exception_comes_back_and_the_pool_lives) {
  for (int threads : {1, 4})
    for (int round = 0; round < 50; ++round) {
      CHECK_THROWS(std::runtime_error, "task", parallel_for(threads, 100, [](int64_t i) {
                     if (i % 7 == 3) throw std::runtime_error("task");
                   }));
      CHECK(covers(threads, 100));
    }
}

TEST(an_exception_of_a_nested_loop_comes_back) {
  CHECK_THROWS(std::runtime_error, "inner", parallel_for(3, 9, [](int64_t i) {
                 parallel_for(3, 9, [i](int64_t j) {
                   if (i == 4 && j == 4) throw std::runtime_error("inner");
                 });
               }));
  CHECK(covers(3, 100));
}

TEST(nested_loops_run_serially_and_end) {
  std::atomic<int> runs{0};
  parallel_for(4, 16, [&](int64_t) {
    const std::thread::id outer = std::this_thread::get_id();
    parallel_for(4, 16, [&](int64_t) {
      if (std::this_thread::get_id() == outer) ++runs;
    });
  });
  CHECK(runs == 256);
}

TEST(several_threads_call_at_once) {
  std::atomic<int> wrong{0};
  std::vector<std::thread> callers;
  for (int id = 0; id < 4; ++id)
    callers.emplace_back([&wrong] {
      for (int round = 0; round < 300; ++round) wrong += !covers(3, 40);
    });
  for (std::thread& caller : callers) caller.join();
  CHECK(wrong == 0);
}

TEST(the_limit_caps_requests) {
  CHECK(available_threads() >= 1 && thread_limit() == available_threads());
  CHECK(resolve_threads(0) == available_threads() && resolve_threads(7) == 7);
  set_thread_limit(2);
  CHECK(resolve_threads(7) == 2 && resolve_threads(1) == 1 && resolve_threads(0) == 2);
  set_thread_limit(0);
  CHECK(thread_limit() == available_threads());
}

TEST(pieces_cover_without_overlap) {
  for (int64_t items : {0, 1, 9, 100, 1001})
    for (int64_t grain : {1, 8, 64})
      for (int threads : {1, 2, 5}) {
        const Pieces pieces(items, grain, threads);
        CHECK(pieces.begin(0) == 0 && pieces.end(pieces.count - 1) == items);
        for (int64_t p = 1; p < pieces.count; ++p) CHECK(pieces.begin(p) == pieces.end(p - 1));
        CHECK(pieces.count <= threads);
      }
}

}  // namespace
}  // namespace gibbslab
