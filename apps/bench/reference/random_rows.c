/* Bytes per second when threads read random 64-byte rows of one block of memory: the roof of embedding look-ups.
 *
 *     cc -O3 -pthread random_rows.c -o random_rows && ./random_rows 2048 4 10000000
 *
 * Arguments: MiB of memory (a power of two), threads, reads per thread. Huge pages are asked for. Each thread fetches rows
 * a few ahead, and the best of three rounds counts. Prints one number.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { row_doubles = 8, block = 4096, ahead = 16, rounds = 3 };

static double *memory;
static uint32_t mask;
static long reads;
static pthread_barrier_t start;

struct worker {
  pthread_t thread;
  uint32_t state;
  double seconds, sum;
};

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

static void *work(void *argument) {
  struct worker *w = argument;
  uint32_t rows[block];
  pthread_barrier_wait(&start);
  double from = now();
  for (long done = 0; done < reads; done += block) {
    for (int i = 0; i < block; i++) {
      w->state = w->state * 1664525u + 1013904223u;
      rows[i] = (w->state >> 4) & mask;
    }
    for (int i = 0; i < block; i++) {
      if (i + ahead < block) __builtin_prefetch(memory + (size_t)rows[i + ahead] * row_doubles);
      const double *row = memory + (size_t)rows[i] * row_doubles;
      for (int k = 0; k < row_doubles; k++) w->sum += row[k];
    }
  }
  w->seconds = now() - from;
  return NULL;
}

int main(int count, char **arguments) {
  if (count != 4) return fprintf(stderr, "usage: random_rows MiB threads reads\n"), 2;
  size_t bytes = (size_t)atol(arguments[1]) << 20;
  int threads = atoi(arguments[2]);
  reads = atol(arguments[3]);
  mask = (uint32_t)(bytes / (row_doubles * sizeof(double)) - 1);
  memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return perror("mmap"), 1;
#ifdef MADV_HUGEPAGE
  madvise(memory, bytes, MADV_HUGEPAGE);
#endif
  memset(memory, 1, bytes);
  struct worker *workers = calloc(threads, sizeof *workers);
  double best = 0, sum = 0;
  for (int round = 0; round < rounds; round++) {
    double slowest = 0;
    pthread_barrier_init(&start, NULL, threads);
    for (int i = 0; i < threads; i++) {
      workers[i].state = 7919u * (i + 1 + round * threads);
      if (pthread_create(&workers[i].thread, NULL, work, &workers[i])) return perror("pthread_create"), 1;
    }
    for (int i = 0; i < threads; i++) {
      pthread_join(workers[i].thread, NULL);
      if (workers[i].seconds > slowest) slowest = workers[i].seconds;
      sum += workers[i].sum;
    }
    pthread_barrier_destroy(&start);
    double done = (double)((reads + block - 1) / block * block);
    double rate = threads * done * row_doubles * sizeof(double) / slowest;
    if (rate > best) best = rate;
  }
  fprintf(stderr, "%g\n", sum); /* keeps the reads from being optimised away */
  printf("%.0f\n", best);
  return 0;
}
