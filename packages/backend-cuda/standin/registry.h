// Kernels by name, with their parameters taken from the block of memory that a launch hands over.
#pragma once
#include <array>
#include <cstddef>
#include <cstring>
#include <functional>
#include <tuple>
#include <utility>

struct Kernel {
  const char* name;
  size_t parameterBytes;
  std::function<void()> (*bind)(const char* parameters);
};

/** Those of tensor-cores.cu, the last one without a name. */
const Kernel* tensorCoreKernels();

/** Where each parameter lies, aligned to itself, and behind them their size. */
template <class... A> constexpr std::array<size_t, sizeof...(A) + 1> offsetsOf() {
  std::array<size_t, sizeof...(A) + 1> offsets{};
  size_t at = 0, i = 0;
  ((at = (at + alignof(A) - 1) / alignof(A) * alignof(A), offsets[i++] = at, at += sizeof(A)), ...);
  offsets[i] = at;
  return offsets;
}

template <auto kernel, class... A, size_t... I>
std::function<void()> bindTo(const char* parameters, void (*)(A...), std::index_sequence<I...>) {
  std::tuple<A...> values;
  (std::memcpy(&std::get<I>(values), parameters + offsetsOf<A...>()[I], sizeof(A)), ...);
  return [values] { std::apply(kernel, values); };
}

template <class... A> constexpr size_t countOf(void (*)(A...)) { return sizeof...(A); }
template <class... A> constexpr size_t bytesOf(void (*)(A...)) { return offsetsOf<A...>()[sizeof...(A)]; }

#define REGISTER(name)                                                                                                 \
  {#name, bytesOf(&name), [](const char* parameters) {                                                                 \
     return bindTo<&name>(parameters, &name, std::make_index_sequence<countOf(&name)>());                              \
   }},
