-- name: conserve_messages
-- The conservation law, message by message: each accepted message's events are in the log or in the inbox, each other one
-- has its exception; posted means that something its events told stands in the books now. What processes send on because of its
-- events (ids of three parts) counts as they do: in neither place it is lost, in the inbox it is under way.
with placed as (
    select e.message_id,
        count(*) filter (where e.id not like '%.%.%' and (l.event_id is not null or i.event_id is not null)) as placed_count,
        count(i.event_id) as inbox_count,
        count(*) filter (where l.event_id is null and i.event_id is null) as lost_count
    from event e left join log l on l.event_id = e.id left join inbox i on i.event_id = e.id
    group by e.message_id
), standing as (
    select distinct 'msg_' || split_part(substr(e.event_id, 5), '.', 1) as message_id
    from entry e left join entry r on r.reverses = e.id and r.reverses <> ''
    where e.reverses = '' and r.id is null
), items as (
    select message_id, count(*) as items_count, count(*) filter (where resolved_at is null) as open_count
    from work_item where message_id <> '' group by message_id
)
select kind, count(*) as messages_count from (
    select case
        when m.status <> 'accepted' then
            case when coalesce(i.items_count, 0) = 0 then 'gap' when i.open_count > 0 then 'held' else 'explained' end
        when m.events_count = 0 then 'explained'
        when coalesce(p.placed_count, 0) <> m.events_count or p.lost_count > 0 then 'gap'
        when p.inbox_count > 0 then 'in_flight'
        when coalesce(i.open_count, 0) > 0 then 'held'
        when s.message_id is not null then 'posted'
        else 'explained' end as kind
    from message m
    left join placed p on p.message_id = m.id
    left join items i on i.message_id = m.id
    left join standing s on s.message_id = m.id
) kinds group by kind

-- name: count_messages
-- How many messages came in, how many came again, by verdict.
select (select count(*) from message) as messages_count,
    (select count(*) from message_repeat) as repeats_count,
    (select count(*) from message where status = 'held') as held_count,
    (select count(*) from message where status = 'rejected') as rejected_count,
    (select count(*) from event) as events_count,
    (select count(*) from inbox) as inbox_count,
    (select count(*) from entry) as entries_count,
    (select count(*) from entry_line) as lines_count,
    (select count(*) from unbatched) as unbatched_count

-- name: parked_without_item
-- Events that were parked but have neither an exception nor an entry under their message: must be none.
select count(*) as events_count from log l
where l.outcome = 'parked' and not exists (
    select from work_item w where w.id > 'exc_' || substr(l.event_id, 5) || '.' and w.id < 'exc_' || substr(l.event_id, 5) || '/'
)

-- name: posted_without_entry
-- Events that count as posted but have no entry: must be none.
select count(*) as events_count from log l
where l.outcome = 'posted' and not exists (
    select from entry e where e.id > 'ent_' || substr(l.event_id, 5) || '.' and e.id < 'ent_' || substr(l.event_id, 5) || '/'
)

-- name: loose_ends
-- What has lost what it belongs to, or no longer says what it did: events and exceptions without their message, entries that
-- neither wait for a journal nor are in one, journals that nobody sends, entries without a line of what they are worth. None, ever.
select (
    select count(*) from event e where e.message_id like 'msg\_%' and not exists (select from message m where m.id = e.message_id)
) + (
    select count(*) from work_item w where w.message_id like 'msg\_%' and not exists (select from message m where m.id = w.message_id)
) + (
    select count(*) from entry e
    where not exists (select from unbatched u where u.entry_id = e.id) and not exists (select from journal_entry j where j.entry_id = e.id)
) + (
    select count(*) from journal j where not exists (
        select from delivery d where d.idempotency_key = coalesce(nullif(j.renewed_as, ''), j.reference)
    )
) + (
    select count(*) from entry e where e.principal_minor <> 0 and not exists (
        select from entry_line l where l.entry_id = e.id and abs(e.principal_minor) in (l.debit_minor, l.credit_minor)
    )
) as ends_count

-- name: ledger_balance
-- The subledger's own proof: debits minus credits by entity and currency, and entries that do not balance.
select e.entity, e.currency, sum(l.debit_minor - l.credit_minor)::bigint as difference_minor
from entry e join entry_line l on l.entry_id = e.id group by 1, 2 order by 1, 2

-- name: unbalanced_entries
-- Entries whose lines do not balance, or that have no lines: must be none.
select count(*) as entries_count from (
    select e.id from entry e left join entry_line l on l.entry_id = e.id
    group by e.id having coalesce(sum(l.debit_minor - l.credit_minor), 1) <> 0
) broken

-- name: trial_balance
-- Debits and credits of the subledger by entity, account and accounting period.
select e.entity, e.currency, l.account, to_char(e.accounting_on, 'YYYY-MM') as period,
    sum(l.debit_minor)::bigint as debit_minor, sum(l.credit_minor)::bigint as credit_minor
from entry e join entry_line l on l.entry_id = e.id
group by 1, 2, 3, 4 order by 1, 2, 3, 4

-- name: undelivered_balance
-- The same for what has not reached the ERP: entries without a journal, and journals that are queued or refused.
select e.entity, e.currency, l.account, to_char(e.accounting_on, 'YYYY-MM') as period,
    sum(l.debit_minor)::bigint as debit_minor, sum(l.credit_minor)::bigint as credit_minor
from entry e join entry_line l on l.entry_id = e.id
left join journal_entry j on j.entry_id = e.id
left join delivery d on d.idempotency_key = j.reference
where d.status is distinct from 'SENT'
group by 1, 2, 3, 4 order by 1, 2, 3, 4

-- name: refused_journals
-- Journals that their destination refused: what the subledger books and the ERP will not hold until somebody acts.
select count(*) as journals_count, coalesce(sum(l.debit_minor), 0)::bigint as amount_minor
from delivery d left join lateral (
    select sum(debit_minor)::bigint as debit_minor from journal_line l where l.reference = d.idempotency_key
) l on true
where d.status = 'ERROR' and d.kind = 'journal'

-- name: control_totals
-- What accepted messages said they are worth.
select t.name, sum(t.items_count)::bigint as items_count, sum(t.amount_minor)::bigint as amount_minor
from control_total t join message m on m.id = t.message_id
where m.status = 'accepted' group by t.name order by t.name

-- name: standing_by_kind
-- What stands in the subledger by booking kind, as its source counts it, reversals taken off.
select kind, sum(principal_minor)::bigint as principal_minor from entry group by kind order by kind

-- name: money_facts
-- Every fact that moves money or merges accounts, for the recount that owes nothing to the processes.
select e.stream, e.stamp, e.payload from event e
where e.type in ('charge.posted', 'charge.credited', 'payment.received', 'account.adjusted', 'remittance.received',
    'claim.adjudicated', 'account.merged')
    and e.id not like '%.%.%'

-- name: parked_traces
-- What is at stake in payments under a trace that another payment holds.
select coalesce(sum(amount_minor), 0)::bigint as amount_minor from work_item where resolved_at is null and booking_key = 'trace'

-- name: parked_corrections
-- Corrections that wait for an open period while what they correct stands, by the key they correct.
select booking_key, sum(amount_minor)::bigint as amount_minor from work_item
where resolved_at is null and booking_key like 'correction:%' group by booking_key

-- name: parked_bookings
-- Bookings that wait: nothing stands for them, and their exception is open.
select stream, booking_key from work_item where resolved_at is null and booking_key <> '' and booking_key not like 'concern:%'

-- name: journal_digests
-- What each journal gathered, as the digest it is sent with: SHA-256 of the JSON array of its entries' ids (`Journal.digest`).
select reference, left(encode(sha256(convert_to(
    '["' || string_agg(entry_id, '","' order by entry_id) || '"]', 'UTF8')), 'hex'), 32) as digest
from journal_entry group by reference

-- name: journal_holders
-- Which destination was sent journals of which legal entity.
select distinct destination, entity from journal
