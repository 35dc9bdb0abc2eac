#include "failures.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "emulator/control.h"
#include "state.h"

namespace gibbslab::emulator {
namespace {

struct Kind {
  const char* name;
  cudaError_t error;  // how such a call fails where no code is named
};
const Kind kKinds[] = {{"malloc", cudaErrorMemoryAllocation},
                       {"free", cudaErrorIllegalAddress},
                       {"host", cudaErrorMemoryAllocation},
                       {"launch", cudaErrorLaunchFailure},
                       {"memcpy", cudaErrorIllegalAddress},
                       {"memset", cudaErrorIllegalAddress},
                       {"stream", cudaErrorMemoryAllocation},
                       {"event", cudaErrorMemoryAllocation},
                       {"sync", cudaErrorIllegalAddress},
                       {"graph", cudaErrorMemoryAllocation},
                       {"blas", cudaErrorUnknown},
                       {"query", cudaErrorUnknown}};
constexpr int kCount = static_cast<int>(Call::kCount);

struct Failure {
  int kind;
  long number;
  bool onwards;
  cudaError_t error;
};
std::vector<Failure> failures;
std::array<long, kCount> counts{};

int kind_named(const char* name, size_t length) {
  for (int kind = 0; kind < kCount; ++kind)
    if (std::strlen(kKinds[kind].name) == length && !std::strncmp(kKinds[kind].name, name, length))
      return kind;
  return -1;
}

// kind:number[+][=code]; null at the end of the text or where it cannot be read.
const char* read_failure(const char* text, Failure& failure) {
  const char* colon = std::strchr(text, ':');
  if (!colon) return nullptr;
  failure.kind = kind_named(text, static_cast<size_t>(colon - text));
  char* end = nullptr;
  failure.number = std::strtol(colon + 1, &end, 10);
  if (failure.kind < 0 || failure.number < 1) return nullptr;
  failure.onwards = *end == '+';
  if (failure.onwards) ++end;
  failure.error = kKinds[failure.kind].error;
  if (*end == '=') failure.error = static_cast<cudaError_t>(std::strtol(end + 1, &end, 10));
  return *end == ',' || *end == '\0' ? end : nullptr;
}

}  // namespace

bool set_failures(const char* calls) {
  failures.clear();
  counts.fill(0);
  while (calls && *calls) {
    Failure failure{};
    const char* end = read_failure(calls, failure);
    if (!end) {
      std::fprintf(stderr, "gibbslab emulator: cannot read the failing call '%s'\n", calls);
      failures.clear();
      return false;
    }
    failures.push_back(failure);
    calls = *end == ',' ? end + 1 : end;
  }
  return true;
}

cudaError_t injected(Call call) {
  const int kind = static_cast<int>(call);
  const long number = ++counts[static_cast<size_t>(kind)];
  for (const Failure& failure : failures)
    if (failure.kind == kind &&
        (failure.number == number || (failure.onwards && number > failure.number)))
      return failure.error;
  return cudaSuccess;
}

}  // namespace gibbslab::emulator

using namespace gibbslab::emulator;

int gibbslab_emulator_fail(const char* calls) {
  const std::lock_guard lock(state().mutex);
  return set_failures(calls) ? 0 : 1;
}

long gibbslab_emulator_calls(const char* kind) {
  const std::lock_guard lock(state().mutex);
  const int index = kind_named(kind, std::strlen(kind));
  return index < 0 ? -1 : counts[static_cast<size_t>(index)];
}
