// LDAPServer
