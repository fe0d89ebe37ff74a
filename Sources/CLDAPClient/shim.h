#include <ldap.h>
#include <lber.h>
#include <stdlib.h>

/* What lber.h and ldap.h define as macros that Swift does not see. */
static inline const void *muster_ldap_opt_off(void) { return LDAP_OPT_OFF; }

/* A simple bind (RFC 4511 section 4.2); waits for the answer as long as the handle's time-out says. */
static inline int muster_ldap_simple_bind(LDAP *handle, const char *name, const char *password, size_t count) {
    struct berval credentials = { count, (char *)password };
    return ldap_sasl_bind_s(handle, name, LDAP_SASL_SIMPLE, &credentials, NULL, NULL, NULL);
}
