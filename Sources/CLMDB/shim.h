#include <lmdb.h>

/* Has the processor fetch the line of its cache at an address, if it is one. */
static inline void muster_fetch_ahead(const void *address) { __builtin_prefetch(address); }

#ifdef __linux__
#include <sys/statfs.h>
#include <sys/types.h>
/* Of Linux, which its header shows only to those who ask for all extensions. */
extern int sync_file_range(int descriptor, __off64_t offset, __off64_t count, unsigned int flags);
#endif
