/*
 * A right that is taken, the outbox that tells of it, and the adapter that keeps a decision about it.
 * README.md beside this file says what is modeled and what is left out; scripts/check-models runs it.
 *
 * Time is counted in ticks. There is no absolute clock: whatever has an age grows by one at each tick and stops at the
 * value beyond which nothing changes. So a run may last for ever, and there are finitely many states all the same.
 */

/* --- sizes -------------------------------------------------------------------------------------------------------- */

#ifndef ROWS
#define ROWS 2        /* changes that write a row in the outbox */
#endif
#ifndef GRANTS
#define GRANTS 1      /* how often the right is granted anew */
#endif
#ifndef CRASHES
#define CRASHES 1     /* rounds of the relay that are rolled back */
#endif
#ifndef BATCH
#define BATCH ROWS    /* rows that one round takes at most */
#endif
#ifndef QUEUE
#define QUEUE 3       /* messages on their way to the adapter */
#endif

#ifndef DELAY
#define DELAY   1     /* from the look at the table to the arrival of what isn't lost (0 or 1) */
#endif
#ifndef LEASE
#define LEASE   1
#endif
#ifndef TTL
#define TTL     2
#endif
#ifndef MAX_AGE
#define MAX_AGE 6
#endif
#ifndef ANSWER
#define ANSWER  1     /* things answers within this, or the question has failed */
#endif
#ifndef PACE
#define PACE    1     /* for a live subscriber, a decision in doubt is asked about within this */
#endif
#ifndef RETRY
#define RETRY   1     /* a question that failed is put again after this */
#endif

/* --- what is claimed ---------------------------------------------------------------------------------------------- */

/*
 * 1  After an event was applied, the right that it took isn't used.
 * 2  While things is within reach, a right that was taken is used no longer than TTL_BOUND, whatever is lost.
 * 3  In no case is it used longer than MAX_BOUND.
 * 4  After a gap was noticed, and things is within reach, it is used no longer than RECHECK_BOUND.
 * 5  A decision that a lease keeps fresh is no longer wrong than LEASE_BOUND.
 * 6  Not a claim, must fail: nobody ever uses a decision that is older than TTL because of a lease.
 */
#ifdef CLAIM
#define checked(n) (CLAIM == n)
#else
#define checked(n) (n < 6)
#endif
#ifndef TIGHTER
#define TIGHTER 0     /* the claim whose bound is one tick lower than it should be */
#endif

#define LEASE_BOUND   (LEASE + DELAY - (TIGHTER == 5))
#define RECHECK_BOUND (PACE + ANSWER - (TIGHTER == 4))
#define TTL_BOUND     (TTL + 1 + PACE + ANSWER - (TIGHTER == 2))
#define MAX_BOUND     (MAX_AGE - (TIGHTER == 3))
#define REACH_BOUND   (RETRY + ANSWER)          /* things has been within reach for longer than this */

#define LONG  (MAX_AGE + 1)
#define NEVER 255

/* No claim can fail from here on: the right can't come back and nobody holds it, or nobody is left to take it. */
#define over (granted -> !takers : (grants == 0 && !held && question != yes))
#if ROWS == 1
#define takers (row[1] == unseen)
#elif ROWS == 2
#define takers (row[1] == unseen || row[2] == unseen)
#else
#define takers (row[1] == unseen || row[2] == unseen || row[3] == unseen)
#endif

/* --- PostgreSQL --------------------------------------------------------------------------------------------------- */

mtype:row = { unseen, visible, relayed };

mtype:row row[ROWS + 1] = unseen;       /* by id, from 1 */
bool takes[ROWS + 1];                   /* this row takes the right that is watched, not some other */
bool granted = true;
byte grants = GRANTS;
byte last_sent;                         /* the relay's own row, which is locked while a round runs */
byte numbers;                           /* drawn by rounds so far; no rollback takes one back */
byte crashes = CRASHES;

/* --- the bus ------------------------------------------------------------------------------------------------------ */

mtype:message = { touching, other, heartbeat };

chan bus = [QUEUE] of { mtype:message, byte, byte };      /* kind, number, after */
byte overdue;                           /* messages, from the oldest, that have to arrive before the next tick */

/* --- the adapter -------------------------------------------------------------------------------------------------- */

mtype:question = { none, asked, yes, no };

bool live;                              /* a subscriber, there all the time; else a publisher, now and then */
byte last_seen;
byte heard = LEASE + 1;                 /* age of the last heartbeat */
bool held;                              /* a decision is in the table */
byte age;                               /* since it was asked for */
bool suspect;
byte due = PACE;                        /* how long a doubtful decision can wait until it is asked about */
bool excused;                           /* things was out of reach a moment ago, so the old decision serves */
mtype:question question = none;
byte question_age;
bool stale;
bool up = true;                         /* things is within reach */

#if defined(THINGS_IS_THERE)
#define WATCHES_REACH
#define may_answer true
#define may_fail false
#elif defined(THINGS_COMES_AND_GOES)
#define WATCHES_REACH
#define may_answer up
#define may_fail (!up)
#else                                   /* any question may fail, any may be answered */
#define may_answer true
#define may_fail true
#endif

#define leased (heard <= LEASE)
#define fresh  (held && !suspect && age <= (leased -> MAX_AGE : TTL))
#define usable (held && (live || fresh || excused))

/* --- what the claims look at -------------------------------------------------------------------------------------- */

byte taken = NEVER;                     /* how long ago the right was taken; NEVER while it is granted */
bool told;                              /* the adapter has applied the event of that */
byte noticed = NEVER;                   /* how long ago the adapter first noticed a gap after that */
byte up_for = REACH_BOUND + 1;          /* how long things has been within reach */

#include "outbox.pml"
#include "adapter.pml"

/* --- time --------------------------------------------------------------------------------------------------------- */

#define older(what, limit) what = (what < limit -> what + 1 : what)

#define must_answer (question != none && question_age >= ANSWER)
#if defined(LATE_MESSAGES)
#define must_arrive false
#elif defined(ANY_ORDER)
#define must_arrive (len(bus) > 0)
#else
#define must_arrive (overdue > 0)
#endif
#define must_ask (live && held && !fresh && question == none && due == 0)

inline tick() {
    overdue = len(bus);
    older(heard, LEASE + 1);
    if
    :: held && age == MAX_AGE -> forget()
    :: held && age < MAX_AGE ->
        if
        :: fresh
        :: !fresh && due > 0 -> due--
        :: !fresh && due == 0 -> excused = false
        fi;
        age++
    :: else
    fi;
    if
    :: question != none -> question_age++
    :: else
    fi;
    if
    :: taken != NEVER -> older(taken, LONG)
    :: else
    fi;
    if
    :: noticed != NEVER -> older(noticed, RECHECK_BOUND + 1)
    :: else
    fi;
    if
    :: up -> older(up_for, REACH_BOUND + 1)
    :: else
    fi
}

/* No tick while something is due: all that is due can be done at once, so time never stands still for good. */
active proctype Clock() {
    do
    :: d_step { !over && !must_arrive && !must_answer && !must_ask -> tick() }
#ifdef THINGS_COMES_AND_GOES
    :: d_step { up && !over -> up = false; up_for = 0 }
    :: d_step { !up && !over -> up = true }
#endif
    od
}
