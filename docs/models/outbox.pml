/* Part of access.pml: what happens in things and its database, up to the bus. */

/* --- changes: ids are given in order, rows become visible in any order, or never ---------------------------------- */

inline commit_change(which) {
    row[which] = visible;
    if
    :: granted -> takes[which] = true; granted = false; taken = 0
    :: true
    fi
}

active proctype Changes() {
    do
    :: atomic { row[1] == unseen && !over -> commit_change(1) }
#if ROWS > 1
    :: atomic { row[2] == unseen && !over -> commit_change(2) }
#endif
#if ROWS > 2
    :: atomic { row[3] == unseen && !over -> commit_change(3) }
#endif
    :: d_step { !granted && grants > 0 ->
        granted = true; grants--; taken = NEVER; told = false; noticed = NEVER }
    od
}

/* --- the relay ---------------------------------------------------------------------------------------------------- */

/* Losses have no bound, and nobody needs to be told of one: that covers cuts, full queues and a bus that forgets. */
inline send(kind, number, after) {
    if
    :: nfull(bus) -> bus!kind, number, after
    :: true
    fi
}

/* What is sent may be lost, and the round may be rolled back after it was sent. */
inline send_event(id) {
    if
    :: row[id] == visible && picked < BATCH && !crashed ->
        picked++;
#if defined(NUMBER_IS_ROW_ID)
        number = id;
#elif defined(NUMBER_IS_COUNTER)
        number = newest + 1;
#else
        numbers++;
        number = numbers;
#endif
        if
        :: takes[id] -> send(touching, number, newest)
        :: else -> send(other, number, newest)
        fi;
        newest = number;
        newest_row = id;
        maybe_crash()
    :: row[id] == visible && picked == BATCH -> rest = true
    :: else
    fi
}

inline maybe_crash() {
    if
    :: crashes > 0 -> crashes--; crashed = true
    :: true
    fi
}

inline delete(id) {
#ifdef DELETE_UP_TO_NEWEST
    if
    :: id < newest_row && row[id] == unseen -> commit_change(id)
    :: true
    fi;
#endif
    if
    :: row[id] == visible && id <= newest_row -> row[id] = relayed; takes[id] = false
    :: else
    fi
}

#ifdef HEARTBEAT_DESPITE_REST
#define may_beat (!crashed)
#else
#define may_beat (!crashed && !rest)
#endif

/*
 * One round of whichever copy of things has the lock; when a round starts, and whether one ever does, is open. It is
 * one step: what others do while it runs can't change what it sends, and how long it takes is part of DELAY.
 */
active proctype Relay() {
    byte picked, number, newest, newest_row;
    bool rest, crashed;
    do
    :: atomic { !over ->
        newest = last_sent;
        send_event(1);
#if ROWS > 1
        send_event(2);
#endif
#if ROWS > 2
        send_event(3);
#endif
        if
        :: may_beat && bus??[heartbeat, eval(newest), 0]
        :: may_beat && !bus??[heartbeat, eval(newest), 0] -> send(heartbeat, newest, 0); maybe_crash()
        :: !may_beat
        fi;
        if
        :: crashed
        :: else ->
            last_sent = newest;
            delete(1);
#if ROWS > 1
            delete(2);
#endif
#if ROWS > 2
            delete(3);
#endif
        fi;
        picked = 0; number = 0; newest = 0; newest_row = 0; rest = false; crashed = false }
    od
}
