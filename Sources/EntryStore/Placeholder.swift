// EntryStore
