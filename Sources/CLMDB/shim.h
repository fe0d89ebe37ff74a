#include <lmdb.h>

#ifdef __linux__
#include <sys/types.h>
/* Of Linux, which its header shows only to those who ask for all extensions. */
extern int sync_file_range(int descriptor, __off64_t offset, __off64_t count, unsigned int flags);
#endif
