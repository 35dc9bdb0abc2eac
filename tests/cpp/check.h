// What the C++ unit tests need of a test framework: TEST(name) { CHECK(...); }.
#pragma once

#include <cmath>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

namespace check {

struct Case {
  const char *file, *name;
  void (*run)();
};

inline std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}

struct Register {
  Register(const char* file, const char* name, void (*run)()) {
    cases().push_back({file, name, run});
  }
};

struct Failed : std::exception {};

[[noreturn]] inline void fail(const char* file, int line, const std::string& what) {
  std::fprintf(stderr, "%s:%d: %s\n", file, line, what.c_str());
  throw Failed();
}

inline void near(const char* file, int line, double got, double expected, double tolerance) {
  if (std::abs(got - expected) <= tolerance) return;
  fail(file, line,
       "got " + std::to_string(got) + ", expected " + std::to_string(expected) + " within " +
           std::to_string(tolerance));
}

// Runs every case; the exit status counts those that failed.
inline int run_all() {
  int failures = 0;
  for (const Case& test : cases()) {
    try {
      test.run();
    } catch (const Failed&) {
      ++failures;
      std::fprintf(stderr, "FAILED %s\n", test.name);
    } catch (const std::exception& e) {
      ++failures;
      std::fprintf(stderr, "FAILED %s: %s\n", test.name, e.what());
    }
  }
  std::printf("%zu cases, %d failed\n", cases().size(), failures);
  return failures;
}

}  // namespace check

#define TEST(name)                                                 \
  static void name();                                              \
  static const check::Register case_##name(__FILE__, #name, name); \
  static void name()

#define CHECK(condition) \
  if (!(condition)) check::fail(__FILE__, __LINE__, "not so: " #condition)

#define CHECK_NEAR(got, expected, tolerance) \
  check::near(__FILE__, __LINE__, got, expected, tolerance)

// The call throws `type`, and the message holds `text`.
#define CHECK_THROWS(type, text, call)                                                        \
  do {                                                                                        \
    std::string message = "(nothing thrown)";                                                 \
    try {                                                                                     \
      call;                                                                                   \
    } catch (const type& e) {                                                                 \
      message = e.what();                                                                     \
    }                                                                                         \
    if (message.find(text) == std::string::npos)                                              \
      check::fail(__FILE__, __LINE__, "expected '" + std::string(text) + "' in: " + message); \
  } while (false)
