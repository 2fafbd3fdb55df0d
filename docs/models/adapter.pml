/* Part of access.pml: one event loop of an adapter, and what it asks things. */

inline forget() {
    held = false; age = 0; suspect = false; due = PACE; excused = false
}

inline throw_away() {
#ifndef NO_EPOCH_COMPARISON
    stale = (question != none)
#else
    skip
#endif
}

#ifdef GAP_RESTARTS_PACE
#define starts_pace true
#else
#define starts_pace fresh
#endif

/* All that was asked for before now is in doubt; what waits for its question already goes on waiting, no longer. */
inline doubt() {
    if
    :: starts_pace -> due = PACE
    :: else
    fi;
    suspect = held;
    throw_away();
    if
#ifdef WATCHES_REACH
    :: !granted && noticed == NEVER -> noticed = 0
#endif
    :: else
    fi
}

#if defined(NUMBER_IS_COUNTER)
#define follows (number == last_seen + 1)
#else
#define follows (after == last_seen)
#endif

#ifdef HEARTBEAT_NOT_COMPARED
#define doubt_after_heartbeat() skip
#else
#define doubt_after_heartbeat() doubt()
#endif

inline receive() {
    bus?kind, number, after;
    if
    :: overdue > 0 -> overdue--
    :: else
    fi;
    if
    :: kind == heartbeat ->
        if
        :: number != last_seen -> doubt_after_heartbeat()
        :: else
        fi;
        heard = 0
    :: else ->
        if
        :: !follows -> doubt()
        :: else
        fi;
        if
        :: kind == touching ->
            forget(); throw_away();
            /* Even one that tells of an earlier time makes the adapter forget all that it was told until now. */
            told = !granted
        :: else
        fi
    fi;
    last_seen = number;
    kind = 0; number = 0; after = 0
}

inline ask() {
    question = asked; question_age = 0; stale = false
}

#ifdef AGE_FROM_ANSWER
#define age_of_answer 0
#else
#define age_of_answer question_age
#endif

/* An answer "no" counts even when it is stale: the right was gone at some moment after the question was put. */
#ifdef STALE_NO_THROWN_AWAY
#define counts_as_no (question == no && !stale)
#else
#define counts_as_no (question == no)
#endif

inline answer() {
    if
    :: counts_as_no -> forget(); question = none; question_age = 0; stale = false
    :: question == yes && !stale ->
        held = true; age = age_of_answer; suspect = false; due = PACE; excused = false;
        question = none; question_age = 0
    :: else -> ask()
    fi
}

inline fail() {
    question = none; question_age = 0; stale = false;
    due = RETRY;
    excused = held && !live && !fresh
}

active proctype Adapter() {
    mtype:message kind;
    byte number, after;
    if
    :: live = true
    :: true
    fi;
    do
    :: d_step { nempty(bus) && !over -> receive() }
#ifdef ANY_ORDER
    :: d_step { len(bus) > 1 && !over -> bus?kind, number, after; bus!kind, number, after;
        kind = 0; number = 0; after = 0 }
#endif
    :: d_step { !over -> doubt() }                       /* the bus came back, or dropped something and said so */
    :: d_step { question == none && !fresh && !over -> ask() }
    :: d_step { question == asked && may_answer && !over ->
        question = (granted -> yes : no) }               /* things reads the database */
    :: d_step { question == yes || question == no -> answer() }
    :: d_step { question != none && may_fail && !over -> fail() }
    :: d_step { usable && !granted && !over ->
        assert(!checked(1) || !told);
        assert(!checked(3) || taken <= MAX_BOUND);
        assert(!checked(5) || !fresh || !leased || taken <= LEASE_BOUND);
        assert(!checked(6) || !fresh || age <= TTL);
#ifdef WATCHES_REACH
        assert(!checked(2) || up_for <= REACH_BOUND || taken <= TTL_BOUND);
        assert(!checked(4) || up_for <= REACH_BOUND || noticed == NEVER || noticed <= RECHECK_BOUND);
#endif
        skip }
    od
}
