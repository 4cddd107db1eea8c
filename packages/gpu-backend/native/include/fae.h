/*
 * C ABI between the Node addon and a native engine (cpu or cuda). Both engines implement exactly this header.
 *
 * Rules: every call returns a status and fills `fae_error` on failure; no exception crosses. A session is used by one thread
 * at a time (the addon's queue); different sessions are independent. The caller owns every buffer it passes, and the engine
 * keeps none of them after the call returns. After a failure that poisons the session every later call returns the first cause.
 */
#ifndef FAE_H
#define FAE_H

#include <stddef.h>
#include <stdint.h>

#define FAE_ABI 3

#ifdef __cplusplus
extern "C" {
#endif

/* `statusCodes` in src/native/binding.ts; names in common/names.h. */
typedef enum {
  FAE_OK = 0,
  FAE_CONFIG = 1,
  FAE_DATA = 2,
  FAE_OUT_OF_MEMORY = 3,
  FAE_ENGINE = 4,
  FAE_UNAVAILABLE = 5,
  FAE_UNSUPPORTED = 6,
  FAE_DIVERGED = 7,
  FAE_DISPOSED = 8,
  FAE_SHAPE = 9
} fae_status;

typedef struct {
  fae_status status;
  char message[1536]; /* what failed with which values, then what to do; UTF-8, NUL-terminated */
  char details[512];  /* a JSON object of typed facts, or "" */
} fae_error;

typedef struct fae_session fae_session;

/* Rows of a memory source, in the order in which the job's memory sources appear. Copied by fae_open. */
typedef struct {
  const uint32_t* words;
  uint64_t count;
} fae_words;

typedef struct {
  const char* route;  /* a RouteName of plan.ts */
  const char* source; /* name of a source of the job */
  uint32_t epoch;
  const uint32_t* batches;      /* batch numbers in training order */
  const double* learning_rates; /* one per batch */
  uint32_t count;
} fae_segment;

enum { FAE_STAGES = 8 };  /* `stages` in engine.ts; names in common/names.h */
enum { FAE_TRAFFIC = 5 }; /* `trafficKinds` in engine.ts; likewise */

typedef struct {
  uint64_t inputs;
  double total_seconds;
  double seconds[FAE_STAGES];
  uint64_t bytes[FAE_TRAFFIC][2]; /* [kind][0 to device, 1 to host] */
  uint64_t cold_rows;
  uint64_t forwarded_rows;
  uint64_t switched_rows;
} fae_report;

typedef struct {
  uint64_t inputs;
  double loss; /* mean binary cross entropy */
  double seconds;
  uint64_t bytes[FAE_TRAFFIC][2];
} fae_evaluation;

int32_t fae_abi(void);
/* JSON of `Machine` (engine.ts) into `json`; works without a GPU or driver and says so in the facts. */
fae_status fae_machine(char* json, size_t capacity, fae_error* error);
/* JSON of the names that this engine knows: {"ops":[],"optimizers":[],"routes":[],"stages":[],"traffic":[],"status":[]}. */
fae_status fae_names(char* json, size_t capacity, fae_error* error);
/* job_json: {...Job, program: CompiledProgram}; see src/native/job.ts. */
fae_status fae_open(const char* job_json, const fae_words* memory, uint32_t memory_count, fae_session** session, fae_error* error);
/* losses: `segment->count` values. */
fae_status fae_run(fae_session* session, const fae_segment* segment, double* losses, fae_report* report, fae_error* error);
/* Rows of a source of the job. */
fae_status fae_rows(fae_session* session, const char* source, uint64_t* rows, fae_error* error);
/* scores, labels: `room` values each, at least one per row of the source (fae_rows); FAE_SHAPE when there are fewer. */
fae_status fae_evaluate(fae_session* session, const char* source, float* scores, uint8_t* labels, uint64_t room, fae_evaluation* evaluation,
                        fae_error* error);
/* Rows and values per row of a named tensor (`read`/`write` names of engine.ts). */
fae_status fae_shape(fae_session* session, const char* name, uint64_t* rows, uint64_t* columns, fae_error* error);
/* rows NULL: all of them, count ignored. `values`: how many `out` or `in` holds; FAE_SHAPE unless as many as the rows have. */
fae_status fae_read(fae_session* session, const char* name, const uint32_t* rows, uint64_t count, float* out, uint64_t values, fae_error* error);
fae_status fae_write(fae_session* session, const char* name, const uint32_t* rows, uint64_t count, const float* in, uint64_t values, fae_error* error);
fae_status fae_memory(fae_session* session, uint64_t* host_bytes, uint64_t* device_bytes, fae_error* error);
/* Waits for what runs, frees everything. NULL is allowed. */
void fae_close(fae_session* session);

#ifdef __cplusplus
}
#endif

#endif
