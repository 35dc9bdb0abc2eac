// A forked child works: it has none of its parent's threads, and must not wait for their locks.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "csrc/core/tensor.h"
#include "csrc/core/thread_pool.h"
#include "csrc/ops/linalg.h"
#include "tests/cpp/check.h"
#include "tests/cpp/covers.h"
#include "tests/cpp/random_data.h"

namespace gibbslab {
namespace {

// Runs `body` in a forked child that has 20 s; true when the child ends well.
template <class Body>
bool child(const Body& body) {
  const pid_t pid = fork();
  if (pid == 0) {
    alarm(20);
    _exit(body() ? 0 : 1);
  }
  int status = 0;
  return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
         WEXITSTATUS(status) == 0;
}

TEST(a_forked_child_gets_its_own_pool) {
  CHECK(covers(4, 100));
  CHECK(child([] { return covers(4, 100) && covers(2, 50); }));
  CHECK(child([] { return child([] { return covers(4, 100); }) && covers(3, 30); }));
  CHECK(covers(4, 100));
}

// Forks 40 times while two threads run `work` over and over; true when every child ended well.
template <class Work, class Body>
bool survives(const Work& work, const Body& body) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> busy;
  for (int id = 0; id < 2; ++id)
    busy.emplace_back([&] {
      while (!stop) work();
    });
  int ended_well = 0;
  for (int round = 0; round < 40; ++round) ended_well += child(body);
  stop = true;
  for (std::thread& thread : busy) thread.join();
  return ended_well == 40;
}

TEST(forks_while_other_threads_use_the_pool) {
  CHECK(survives([] { parallel_for(2, 8, [](int64_t) {}); }, [] { return covers(2, 20); }));
}

TEST(forks_while_other_threads_allocate) {
  const auto allocate = [] { return Tensor::zeros(2, 20).row(1)[19] == 0.0f; };
  CHECK(survives(allocate, allocate));
}

TEST(forks_while_other_threads_multiply) {
  const auto multiply = [] {
    Tensor x = Tensor::zeros(3, 3), out = Tensor::zeros(3, 3);
    check_data::fill(x, 1.0f);
    ops::matmul(check_data::context(), x, false, x, false, 1.0f, 0.0f, out);
    return out.row(2)[2] == 3.0f;
  };
  CHECK(survives(multiply, multiply));
}

}  // namespace
}  // namespace gibbslab
