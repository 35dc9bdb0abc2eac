// How a (rows, cols) result is shared among threads.
#pragma once

#include <algorithm>
#include <cstdint>

#include "csrc/core/thread_pool.h"

namespace gibbslab::cpu {

// Rows that one task takes: enough to use a panel of weights again while it is in the cache.
constexpr int64_t kRowGrain = 8;

// A block of a result: rows [row, row_end), columns [column, column_end).
struct Block {
  int64_t row, row_end, column, column_end;
};

// The shares of a (rows, cols) result, one per thread. Wide results are cut by columns, at words
// of 64: a thread then reads its own part of the weights only, and builds its own tables.
class Shares {
 public:
  Shares(int64_t rows, int64_t cols, int threads)
      : rows_(rows),
        cols_(cols),
        by_columns_(cols >= kWideWords * 64 * threads),
        pieces_(by_columns_ ? (cols + 63) / 64 : rows, by_columns_ ? 1 : kRowGrain, threads) {}
  int64_t count() const { return pieces_.count; }
  Block operator[](int64_t p) const {
    if (!by_columns_) return {pieces_.begin(p), pieces_.end(p), 0, cols_};
    return {0, rows_, 64 * pieces_.begin(p), std::min(cols_, 64 * pieces_.end(p))};
  }

 private:
  static constexpr int64_t kWideWords = 3;
  int64_t rows_, cols_;
  bool by_columns_;
  Pieces pieces_;
};

// Calls body(begin, end) for pieces of [0, items), of at least `grain` items each.
template <class Body>
void for_pieces(int threads, int64_t items, int64_t grain, const Body& body) {
  const Pieces pieces(items, grain, threads);
  parallel_for(threads, pieces.count, [&](int64_t p) { body(pieces.begin(p), pieces.end(p)); });
}

// Calls body(r) for each row, at least `grain` of them to a task.
template <class Body>
void for_rows(int threads, int64_t rows, int64_t grain, const Body& body) {
  for_pieces(threads, rows, grain, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) body(r);
  });
}

}  // namespace gibbslab::cpu
