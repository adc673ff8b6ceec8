// A stand-in for NVIDIA's driver library, for tests on machines without a GPU. It exports the functions of the driver that this
// package calls and runs the kernels' own sources, compiled for the processor. It is no emulator of a GPU and says nothing about
// speed: it checks index arithmetic, barriers, memory and the TypeScript around the driver. It is built by the tests, is not
// part of the package, and no option of the program selects it.
//
// - A device's memory is the host's. Every allocation ends at a page that can't be touched, so that a kernel that reads or writes
//   past its end is stopped and the call fails with CUDA_ERROR_ILLEGAL_ADDRESS; new memory holds NaN.
// - A block's threads run one after another between barriers, in an order that a test can choose. One that waits keeps its fiber;
//   those that do not wait follow one another on the same, whose stack is in the cache.
// - A stream is a queue that a thread works off, so that results are not there before they are waited for.
// - CUDA_STANDIN_FAIL="cuInit=100,cuMemAlloc=2@5" makes calls fail with a CUresult, the last one at its fifth time;
//   CUDA_STANDIN_VERSION and CUDA_STANDIN_DEVICES set the driver's version and the number of devices.
#include <algorithm>
#include <array>
#include <csetjmp>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <sys/mman.h>
#include <thread>
#include <tuple>
#include <ucontext.h>
#include <unistd.h>
#include <utility>
#include <vector>

#define STANDIN
#define REFERENCE
#include "../cuda/kernels.cu"
#include "../cuda/convolution.cu"
#include "registry.h"

namespace {

constexpr int illegalAddress = 700, invalidValue = 1, outOfMemory = 2, notFound = 500, notReady = 600;
constexpr int captureUnsupported = 900, captureUnjoined = 904, invalidHandle = 400, invalidPtx = 218, invalidDevice = 101;
constexpr size_t deviceMemory = size_t(4) << 30;
constexpr size_t largestShared = 48 * 1024;

// ---- Memory that can't be overrun ----

struct Guarded {
  char* pages;
  size_t length; // of all pages
  size_t size;
};

size_t pageSize() { return size_t(sysconf(_SC_PAGESIZE)); }

/** `size` bytes that end, but for up to 15, at a page that can't be touched. */
char* guard(size_t size, Guarded& made) {
  const size_t page = pageSize();
  const size_t rounded = (size + 15) / 16 * 16;
  const size_t body = (rounded + page - 1) / page * page;
  made = {nullptr, body + 2 * page, size};
  void* pages = mmap(nullptr, made.length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (pages == MAP_FAILED) return nullptr;
  made.pages = static_cast<char*>(pages);
  mprotect(made.pages + page, body, PROT_READ | PROT_WRITE);
  char* start = made.pages + page + body - rounded;
  std::memset(start, 0xff, rounded); // NaN as float
  return start;
}

std::map<uintptr_t, Guarded> allocations;
size_t allocated = 0;

bool within(uintptr_t address, size_t bytes) {
  auto after = allocations.upper_bound(address);
  if (after == allocations.begin()) return false;
  const auto& [start, block] = *std::prev(after);
  return address + bytes <= start + block.size;
}

/** Whether what lies between an allocation's end and the next page is still as it was filled; fills it again where not. */
bool endsAreWhole() {
  bool whole = true;
  for (const auto& [start, block] : allocations)
    for (size_t i = block.size; i < (block.size + 15) / 16 * 16; i++) {
      unsigned char& behind = reinterpret_cast<unsigned char*>(start)[i];
      whole = whole && behind == 0xff;
      behind = 0xff;
    }
  return whole;
}

// ---- Threads of a block ----

enum class State { ready, atBarrier, atWarp, done };

struct Fiber {
  void* stackPointer = nullptr;
  ucontext_t context;
  char* stack = nullptr;
};

struct Thread {
  State state = State::done;
  int shuffles = 0;
  Fiber* fiber = nullptr; // where it waits
};

constexpr size_t stackSize = 96 * 1024;
std::vector<Thread> threads(1024);
std::deque<Fiber> fibers;
std::vector<Fiber*> spare; // those that wait for a thread to begin
Fiber scheduler;
Fiber* current = nullptr;
int running = 0;
const std::function<void()>* body = nullptr;
float deposits[2][1024];

#if defined(__x86_64__)
// Saves what a call must keep on the one stack and takes it from the other.
extern "C" void standin_switch(void** from, void* to);
asm(R"(
.text
.globl standin_switch
.hidden standin_switch
standin_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
)");
void switchTo(Fiber& from, Fiber& to) { standin_switch(&from.stackPointer, to.stackPointer); }
#else
void switchTo(Fiber& from, Fiber& to) { swapcontext(&from.context, &to.context); }
#endif

void wait(State state) {
  threads[running].state = state;
  threads[running].fiber = current;
  switchTo(*current, scheduler);
}

int order = 0; // 0: forwards, 1: backwards, 2: odd ones first

int orderedIndex(int i, int count) {
  if (order == 1) return count - 1 - i;
  if (order == 2) return i < count / 2 ? 2 * i + 1 : 2 * (i - count / 2);
  return i;
}

void setThread(int thread) {
  running = thread;
  threadIdx = {unsigned(thread), 0, 0};
}

// The warp whose threads begin, and how many of them have.
int warpStart = 0, warpSize = 0, begun = 0;

/** Goes to the next thread of the warp that has not begun; false where all have. */
bool beginNext() {
  if (begun == warpSize) return false;
  setThread(warpStart + orderedIndex(begun++, warpSize));
  return true;
}

[[noreturn]] void fiberMain() {
  for (;;) {
    do {
      (*body)();
      threads[running].state = State::done;
    } while (beginNext());
    spare.push_back(current);
    switchTo(*current, scheduler);
  }
}

void prepare(Fiber& fiber, size_t index) {
  if (!fiber.stack)
    fiber.stack = static_cast<char*>(
        mmap(nullptr, stackSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  // Stacks that began at the same place of their pages would all want the same lines of the cache.
  const size_t size = stackSize - index % 32 * 1088;
#if defined(__x86_64__)
  void** top = reinterpret_cast<void**>(fiber.stack + size);
  *--top = nullptr; // keeps the stack as a call would leave it
  *--top = reinterpret_cast<void*>(&fiberMain);
  for (int i = 0; i < 6; i++) *--top = nullptr;
  fiber.stackPointer = top;
#else
  getcontext(&fiber.context);
  fiber.context.uc_stack = {fiber.stack, 0, size};
  fiber.context.uc_link = nullptr;
  makecontext(&fiber.context, reinterpret_cast<void (*)()>(&fiberMain), 0);
#endif
}

Fiber& spareFiber() {
  if (spare.empty()) {
    prepare(fibers.emplace_back(), fibers.size());
    spare.push_back(&fibers.back());
  }
  Fiber& found = *spare.back();
  spare.pop_back();
  return found;
}

/** After a kernel that was broken off: no fiber goes on with it. */
void forgetFibers() {
  spare.clear();
  for (size_t i = 0; i < fibers.size(); i++) {
    prepare(fibers[i], i);
    spare.push_back(&fibers[i]);
  }
}

void enter(Fiber& fiber) {
  current = &fiber;
  switchTo(scheduler, fiber);
}

thread_local sigjmp_buf beforeKernel;
thread_local bool inKernel = false;

/** Runs a warp until all of its threads wait for the block or are done; false where some wait for the warp and some don't. */
bool runWarp(int first, int count, bool begins) {
  if (begins) {
    warpStart = first;
    warpSize = count;
    begun = 0;
    while (beginNext()) enter(spareFiber());
  }
  for (;;) {
    for (int i = 0; i < count && !begins; i++) {
      const int thread = first + orderedIndex(i, count);
      if (threads[thread].state != State::ready) continue;
      setThread(thread);
      enter(*threads[thread].fiber);
    }
    begins = false;
    int waiting = 0;
    for (int i = 0; i < count; i++) waiting += threads[first + i].state == State::atWarp;
    if (waiting == 0) return true;
    if (waiting < count) return false;
    for (int i = 0; i < count; i++) threads[first + i].state = State::ready;
  }
}

bool runBlock(int count) {
  for (int i = 0; i < count; i++) threads[i] = {State::ready, 0, nullptr};
  for (bool begins = true;; begins = false) {
    const int warps = (count + 31) / 32;
    for (int i = 0; i < warps; i++) {
      const int warp = orderedIndex(i, warps);
      if (!runWarp(32 * warp, std::min(32, count - 32 * warp), begins)) return false;
    }
    bool again = false;
    for (int i = 0; i < count; i++)
      if (threads[i].state == State::atBarrier) {
        threads[i].state = State::ready;
        again = true;
      }
    if (!again) return true;
  }
}

struct sigaction previousSegv, previousIll, previousBus;

void onFault(int number, siginfo_t* info, void* context) {
  if (inKernel) siglongjmp(beforeKernel, number);
  const struct sigaction& before =
      number == SIGSEGV ? previousSegv : number == SIGBUS ? previousBus : previousIll;
  if (before.sa_flags & SA_SIGINFO && before.sa_sigaction) before.sa_sigaction(number, info, context);
  else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) before.sa_handler(number);
  else {
    signal(number, SIG_DFL);
    raise(number);
  }
}

/** @returns a CUresult */
int runKernel(const std::function<void()>& kernel, Index grid, Index block, size_t shared) {
  Guarded sharedPages{};
  dynamicShared = reinterpret_cast<float*>(guard(shared, sharedPages));
  body = &kernel;
  gridDim = grid;
  blockDim = block;
  int result = 0;
  if (sigsetjmp(beforeKernel, 1) != 0) result = illegalAddress;
  else {
    inKernel = true;
    const long blocks = long(grid.x) * grid.y * grid.z;
    for (long i = 0; i < blocks && result == 0; i++) {
      const long at = order == 1 ? blocks - 1 - i : i;
      blockIdx = {unsigned(at % grid.x), unsigned(at / grid.x % grid.y), unsigned(at / grid.x / grid.y)};
      std::memset(dynamicShared, 0xff, (shared + 15) / 16 * 16);
      if (!runBlock(int(block.x))) result = 719; // CUDA_ERROR_LAUNCH_FAILED: a warp's threads went apart
    }
  }
  inKernel = false;
  if (result != 0) forgetFibers();
  munmap(sharedPages.pages, sharedPages.length);
  if (!endsAreWhole() && result == 0) result = illegalAddress;
  return result;
}

// ---- Kernels by name ----

const Kernel kernels[] = {
#include "kernels.inc" // REGISTER(...) of every kernel, written when the stand-in is built
    {nullptr, 0, nullptr}};

// ---- Streams, events and graphs ----

// Never destroyed: the stream's thread still waits for them when the process ends.
std::mutex& mutex = *new std::mutex;
std::condition_variable& changed = *new std::condition_variable;
std::deque<std::function<int()>>& queue = *new std::deque<std::function<int()>>;
bool busy = false, paused = false;
int sticky = 0; // an error of a kernel, which every later call answers

void work() {
  stack_t alternative{};
  alternative.ss_size = 64 * 1024;
  alternative.ss_sp = std::malloc(alternative.ss_size);
  sigaltstack(&alternative, nullptr);
  std::unique_lock lock(mutex);
  for (;;) {
    changed.wait(lock, [] { return !queue.empty() && !paused; });
    auto operation = std::move(queue.front());
    queue.pop_front();
    busy = true;
    const bool skip = sticky != 0;
    lock.unlock();
    const int result = skip ? 0 : operation();
    lock.lock();
    if (result != 0 && sticky == 0) sticky = result;
    busy = false;
    changed.notify_all();
  }
}

void start() {
  static const bool once = [] {
    struct sigaction action{};
    action.sa_sigaction = onFault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    sigaction(SIGSEGV, &action, &previousSegv);
    sigaction(SIGBUS, &action, &previousBus);
    sigaction(SIGILL, &action, &previousIll);
    std::thread(work).detach();
    return true;
  }();
  (void)once;
}

void drain(std::unique_lock<std::mutex>& lock) {
  changed.wait(lock, [] { return queue.empty() && !busy; });
}

struct Graph;
struct Event {
  long recorded = 0, reached = 0;
  Graph* graph = nullptr; // where it was recorded while a graph was captured
};
using Operations = std::vector<std::function<int()>>;
struct Stream {
  Graph* capturing = nullptr;
  bool forked = false; // into a graph that another stream began
};
struct Graph {
  Operations operations;
  Operations beside; // of streams that were forked: before everything else, which is as late as the others may count on
  std::vector<Stream*> forks;
  bool unjoined = false;
};
Stream defaultStream;
long captures = 0;

void submit(Stream* stream, std::function<int()> operation) {
  Stream* to = stream ? stream : &defaultStream;
  if (to->capturing && to->forked) {
    to->capturing->beside.push_back(std::move(operation));
    to->capturing->unjoined = true;
  } else if (to->capturing) to->capturing->operations.push_back(std::move(operation));
  else {
    queue.push_back(std::move(operation));
    changed.notify_all();
  }
}

// ---- Failures to order ----

struct Failure {
  int code;
  int at; // fails at this call, counted from 1; every time where it is 0
  int calls = 0;
};
std::map<std::string, Failure> failures;
std::map<std::string, long> calls;

void orderFailures(const char* text) {
  failures.clear();
  std::string rest = text ? text : "";
  while (!rest.empty()) {
    const size_t comma = rest.find(',');
    const std::string one = rest.substr(0, comma);
    rest = comma == std::string::npos ? "" : rest.substr(comma + 1);
    const size_t equal = one.find('='), at = one.find('@');
    if (equal == std::string::npos) continue;
    failures[one.substr(0, equal)] = {std::atoi(one.c_str() + equal + 1),
                                      at == std::string::npos ? 0 : std::atoi(one.c_str() + at + 1)};
  }
}

int number(const char* variable, int otherwise) {
  const char* text = std::getenv(variable);
  return text ? std::atoi(text) : otherwise;
}

/** What a call must answer before it does anything. */
int refusal(const char* function) {
  static const bool once = (orderFailures(std::getenv("CUDA_STANDIN_FAIL")), true);
  (void)once;
  std::string name = function;
  const size_t version = name.rfind("_v");
  if (version != std::string::npos) name = name.substr(0, version);
  calls[name]++;
  const auto failure = failures.find(name);
  if (failure != failures.end() && ++failure->second.calls >= failure->second.at) {
    if (failure->second.at == 0 || failure->second.calls == failure->second.at) return failure->second.code;
  }
  return sticky;
}

struct Module {
  std::string ptx;
};

} // namespace

Index threadIdx, blockIdx, blockDim, gridDim;
float* dynamicShared;

void waitForBlock() { wait(State::atBarrier); }

float exchangeInWarp(float value, int lane) {
  const int parity = threads[running].shuffles++ % 2;
  const int first = running - running % 32;
  deposits[parity][running] = value;
  wait(State::atWarp);
  return deposits[parity][first + lane];
}

/** A factor as tensor cores take it: 10 bits after the point, ties away from zero. */
static float roundedToTf32(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  bits = (bits + 0x1000u) & 0xffffe000u;
  std::memcpy(&value, &bits, 4);
  return value;
}

void multiplyInWarp(float sums[4], const float left[4], const float right[2]) {
  static float factors[2][1024][6];
  const int parity = threads[running].shuffles++ % 2;
  for (int i = 0; i < 6; i++) factors[parity][running][i] = roundedToTf32(i < 4 ? left[i] : right[i - 4]);
  wait(State::atWarp);
  const auto* lanes = factors[parity] + (running - running % 32);
  const int lane = running % 32;
  for (int i = 0; i < 4; i++) {
    const int row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
    for (int k = 0; k < 8; k++)
      sums[i] += lanes[row % 8 * 4 + k % 4][row / 8 + k / 4 * 2] * lanes[column * 4 + k % 4][4 + k / 4];
  }
}

// ---- What the driver exports ----

#define EXPORT extern "C" __attribute__((visibility("default"))) int
#define BEGIN                                                                                                          \
  std::unique_lock lock(mutex);                                                                                        \
  if (const int code = refusal(__func__)) return code

using Pointer = uint64_t;

EXPORT cuInit(unsigned) {
  BEGIN;
  start();
  return 0;
}
EXPORT cuDriverGetVersion(int* version) {
  BEGIN;
  *version = number("CUDA_STANDIN_VERSION", 13000);
  return 0;
}
EXPORT cuDeviceGetCount(int* count) {
  BEGIN;
  *count = number("CUDA_STANDIN_DEVICES", 1);
  return 0;
}
EXPORT cuDeviceGet(int* device, int ordinal) {
  BEGIN;
  if (ordinal < 0 || ordinal >= number("CUDA_STANDIN_DEVICES", 1)) return invalidDevice;
  *device = ordinal;
  return 0;
}
EXPORT cuDeviceGetName(char* name, int length, int device) {
  BEGIN;
  std::snprintf(name, size_t(length), "host stand-in %d for tests, not a GPU", device);
  return 0;
}
EXPORT cuDeviceGetAttribute(int* value, int attribute, int) {
  BEGIN;
  *value = attribute == 75 ? number("CUDA_STANDIN_CAPABILITY", 90) / 10
         : attribute == 76 ? number("CUDA_STANDIN_CAPABILITY", 90) % 10
                           : 0;
  return 0;
}
EXPORT cuDevicePrimaryCtxRetain(void** context, int device) {
  BEGIN;
  *context = reinterpret_cast<void*>(uintptr_t(device) + 1);
  return 0;
}
EXPORT cuDevicePrimaryCtxRelease_v2(int) {
  BEGIN;
  return 0;
}
EXPORT cuCtxSetCurrent(void*) {
  BEGIN;
  return 0;
}
EXPORT cuModuleLoadDataEx(void** module, const char* image, unsigned, void*, void*) {
  BEGIN;
  if (!std::strstr(image, ".version")) return invalidPtx;
  *module = new Module{image};
  return 0;
}
EXPORT cuModuleUnload(Module* module) {
  BEGIN;
  delete module;
  return 0;
}
EXPORT cuModuleGetFunction(const Kernel** function, Module* module, const char* name) {
  BEGIN;
  // The references are not in the PTX: they exist for tests alone.
  const bool reference = std::string(name).find("Reference") != std::string::npos;
  if (!reference && module->ptx.find(std::string(".entry ") + name + "(") == std::string::npos) return notFound;
  for (const Kernel* table : {kernels, tensorCoreKernels()})
    for (const Kernel* kernel = table; kernel->name; kernel++)
      if (std::strcmp(kernel->name, name) == 0) {
        *function = kernel;
        return 0;
      }
  return notFound;
}
EXPORT cuLaunchKernel(const Kernel* kernel, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                      unsigned shared, Stream* stream, void** parameters, void** extra) {
  BEGIN;
  const bool sizes = gx > 0 && gy > 0 && gz > 0 && gy < 65536 && gz < 65536 && bx > 0 && by == 1 && bz == 1 && bx <= 1024;
  if (!kernel || parameters || !extra || !sizes || shared > largestShared) return invalidValue;
  const char* values = nullptr;
  size_t bytes = 0;
  for (; *extra; extra += 2) {
    if (*extra == reinterpret_cast<void*>(1)) values = static_cast<const char*>(extra[1]);
    if (*extra == reinterpret_cast<void*>(2)) bytes = *static_cast<const size_t*>(extra[1]);
  }
  if (bytes != kernel->parameterBytes) return invalidValue;
  auto bound = kernel->bind(values);
  submit(stream, [bound, gx, gy, gz, bx, shared] { return runKernel(bound, {gx, gy, gz}, {bx, 1, 1}, shared); });
  return 0;
}
EXPORT cuMemAlloc_v2(Pointer* address, size_t bytes) {
  BEGIN;
  if (bytes == 0) return invalidValue;
  if (allocated + bytes > size_t(number("CUDA_STANDIN_MEMORY_MB", int(deviceMemory >> 20))) << 20) return outOfMemory;
  Guarded block{};
  char* start = guard(bytes, block);
  if (!start) return outOfMemory;
  allocations[reinterpret_cast<uintptr_t>(start)] = block;
  allocated += bytes;
  *address = reinterpret_cast<uintptr_t>(start);
  return 0;
}
EXPORT cuMemFree_v2(Pointer address) {
  BEGIN;
  const auto found = allocations.find(address);
  if (found == allocations.end()) return invalidValue;
  drain(lock);
  allocated -= found->second.size;
  munmap(found->second.pages, found->second.length);
  allocations.erase(found);
  return 0;
}
EXPORT cuMemAllocHost_v2(void** memory, size_t bytes) {
  BEGIN;
  *memory = std::calloc(1, bytes);
  return 0;
}
EXPORT cuMemFreeHost(void* memory) {
  BEGIN;
  std::free(memory);
  return 0;
}
EXPORT cuMemcpyHtoDAsync_v2(Pointer to, const void* from, size_t bytes, Stream* stream) {
  BEGIN;
  if (!within(to, bytes)) return invalidValue;
  if ((stream ? stream : &defaultStream)->capturing) return captureUnsupported;
  // Read when the stream comes to it, whatever memory it is: a GPU that reaches the host's memory does the same.
  submit(stream, [=] {
    std::memcpy(reinterpret_cast<void*>(to), from, bytes);
    return 0;
  });
  return 0;
}
EXPORT cuMemcpyDtoHAsync_v2(void* to, Pointer from, size_t bytes, Stream* stream) {
  BEGIN;
  if (!within(from, bytes)) return invalidValue;
  if ((stream ? stream : &defaultStream)->capturing) return captureUnsupported;
  submit(stream, [=] {
    std::memcpy(to, reinterpret_cast<void*>(from), bytes);
    return 0;
  });
  return 0;
}
EXPORT cuStreamCreate(Stream** stream, unsigned) {
  BEGIN;
  *stream = new Stream;
  return 0;
}
EXPORT cuStreamDestroy_v2(Stream* stream) {
  BEGIN;
  drain(lock);
  delete stream;
  return 0;
}
EXPORT cuStreamSynchronize(Stream* stream) {
  BEGIN;
  if ((stream ? stream : &defaultStream)->capturing) return captureUnsupported;
  drain(lock);
  return sticky;
}
EXPORT cuStreamBeginCapture_v2(Stream* stream, int) {
  BEGIN;
  if (!stream || stream->capturing) return captureUnsupported;
  stream->capturing = new Graph;
  captures++;
  return 0;
}
EXPORT cuStreamEndCapture(Stream* stream, Graph** graph) {
  std::unique_lock lock(mutex);
  Graph* captured = stream ? std::exchange(stream->capturing, nullptr) : nullptr; // over, also where it fails
  if (captured)
    for (Stream* fork : captured->forks) *fork = {};
  if (const int code = refusal(__func__)) return code;
  if (!captured) return captureUnsupported;
  if (captured->unjoined) return captureUnjoined;
  captured->operations.insert(captured->operations.begin(), captured->beside.begin(), captured->beside.end());
  *graph = captured;
  return 0;
}
EXPORT cuGraphInstantiateWithFlags(Graph** executable, Graph* graph, unsigned long long) {
  BEGIN;
  *executable = new Graph(*graph);
  return 0;
}
EXPORT cuGraphLaunch(Graph* executable, Stream* stream) {
  BEGIN;
  if (!executable) return invalidHandle;
  for (const auto& operation : executable->operations) submit(stream, operation);
  return 0;
}
EXPORT cuGraphExecDestroy(Graph* executable) {
  BEGIN;
  drain(lock);
  delete executable;
  return 0;
}
EXPORT cuGraphDestroy(Graph* graph) {
  BEGIN;
  delete graph;
  return 0;
}
EXPORT cuEventCreate(Event** event, unsigned) {
  BEGIN;
  *event = new Event;
  return 0;
}
EXPORT cuStreamWaitEvent(Stream* stream, Event* event, unsigned) {
  BEGIN;
  if (!stream || !event) return invalidHandle;
  if (!event->graph) return 0; // streams run one after the other anyway
  if (!stream->capturing) {
    stream->capturing = event->graph;
    stream->forked = true;
    event->graph->forks.push_back(stream);
  } else if (!stream->forked) event->graph->unjoined = false;
  return 0;
}
EXPORT cuEventRecord(Event* event, Stream* stream) {
  BEGIN;
  event->graph = stream ? stream->capturing : nullptr;
  if (event->graph) return 0;
  const long number = ++event->recorded;
  submit(stream, [event, number] {
    std::lock_guard lock(mutex);
    event->reached = number;
    return 0;
  });
  return 0;
}
EXPORT cuEventQuery(Event* event) {
  BEGIN;
  return event->reached < event->recorded ? notReady : 0;
}
EXPORT cuEventSynchronize(Event* event) {
  BEGIN;
  changed.wait(lock, [event] { return event->reached >= event->recorded || sticky != 0; });
  return sticky;
}
EXPORT cuEventDestroy_v2(Event* event) {
  BEGIN;
  delete event;
  return 0;
}
EXPORT cuGetErrorName(int code, const char** name) {
  static const std::map<int, const char*> names = {
      {1, "CUDA_ERROR_INVALID_VALUE"},      {2, "CUDA_ERROR_OUT_OF_MEMORY"},
      {3, "CUDA_ERROR_NOT_INITIALIZED"},    {34, "CUDA_ERROR_STUB_LIBRARY"},
      {46, "CUDA_ERROR_DEVICE_UNAVAILABLE"},{100, "CUDA_ERROR_NO_DEVICE"},
      {101, "CUDA_ERROR_INVALID_DEVICE"},   {209, "CUDA_ERROR_NO_BINARY_FOR_GPU"},
      {214, "CUDA_ERROR_ECC_UNCORRECTABLE"},{218, "CUDA_ERROR_INVALID_PTX"},
      {221, "CUDA_ERROR_JIT_COMPILER_NOT_FOUND"}, {222, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION"},
      {304, "CUDA_ERROR_OPERATING_SYSTEM"}, {400, "CUDA_ERROR_INVALID_HANDLE"},
      {500, "CUDA_ERROR_NOT_FOUND"},        {600, "CUDA_ERROR_NOT_READY"},
      {700, "CUDA_ERROR_ILLEGAL_ADDRESS"},  {701, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES"},
      {702, "CUDA_ERROR_LAUNCH_TIMEOUT"},   {719, "CUDA_ERROR_LAUNCH_FAILED"},
      {800, "CUDA_ERROR_NOT_PERMITTED"},    {803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"},
      {900, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"}, {999, "CUDA_ERROR_UNKNOWN"}};
  const auto found = names.find(code);
  *name = found == names.end() ? nullptr : found->second;
  return found == names.end() ? invalidValue : 0;
}

// ---- What only tests call ----

/** Orders failures as CUDA_STANDIN_FAIL does, and forgets a kernel's error. */
EXPORT standinFail(const char* text) {
  std::unique_lock lock(mutex);
  if (!paused) drain(lock);
  orderFailures(text);
  sticky = 0;
  return 0;
}
/** In which order a block's threads and a grid's blocks run: 0 forwards, 1 backwards, 2 odd threads first. */
EXPORT standinOrder(int wanted) {
  std::unique_lock lock(mutex);
  drain(lock);
  order = wanted;
  return 0;
}
/** 1: streams stand still until they are let go with 0. */
EXPORT standinPause(int wanted) {
  std::unique_lock lock(mutex);
  paused = wanted != 0;
  changed.notify_all();
  return 0;
}
/** How often a function of the driver was called, without its version. */
EXPORT standinCalls(const char* function) {
  std::unique_lock lock(mutex);
  return int(calls[function]);
}
/** Bytes of device memory that are allocated. */
EXPORT standinAllocated() {
  std::unique_lock lock(mutex);
  return int(allocated);
}
