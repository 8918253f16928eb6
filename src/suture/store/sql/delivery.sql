-- name: take_unbatched
-- Take entries of one policy out of the queue, oldest first, of the entities $3 or of all; they belong to the journals this
-- commit makes.
-- The array is made once, whatever the plan: joined as a subquery, the limit was asked again for every row, and took all there was.
delete from unbatched where ctid = any(array(
    select ctid from unbatched where policy = $1 and ($3::text[] is null or entity = any($3::text[]))
    order by entry_id limit $2 for update skip locked
))
returning entry_id

-- name: unbatched_age
-- Per policy and entity: how many entries wait for a journal and for how long the oldest has.
select policy, entity, count(*) as entries_count, extract(epoch from now() - min(queued_at))::float8 as oldest_seconds
from unbatched group by policy, entity order by policy, entity

-- name: summarise_entries
-- The lines of some entries summed by everything the ERP posts by; debits and credits are never netted.
select e.entity, e.currency, e.accounting_on, l.account, l.facility, l.cost_centre, l.service_line, l.payer_class,
    l.debit_minor > 0 as is_debit, sum(l.debit_minor)::bigint as debit_minor, sum(l.credit_minor)::bigint as credit_minor
from entry e join entry_line l on l.entry_id = e.id
where e.id = any($1::text[])
group by 1, 2, 3, 4, 5, 6, 7, 8, 9
order by 1, 2, 3, 4, 5, 6, 7, 8, 9

-- name: next_journal_number
-- The number of the next journal.
select nextval('journal_number') as number

-- name: append_journal
-- A journal's head.
insert into journal (reference, destination, policy, entity, currency, accounting_on, entries_count)
values ($1, $2, $3, $4, $5, $6, $7)

-- name: entries_of_journal
-- Which of these entries belong to one entity, currency and accounting day.
select id from entry where id = any($1::text[]) and entity = $2 and currency = $3 and accounting_on = $4 order by id

-- name: append_journal_lines
-- A journal's lines.
insert into journal_line (reference, ordinal, account, debit_minor, credit_minor, facility, cost_centre, service_line, payer_class)
select $1, u.* from unnest($2::integer[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::text[]) u

-- name: link_journal_entries
-- Which entries went into the journal.
insert into journal_entry (entry_id, reference) select unnest($2::text[]), $1

-- name: append_delivery
-- Queue a command for a destination.
insert into delivery (destination, ordering_key, idempotency_key, payload) values ($1, $2, $3, $4)

-- name: lease_deliveries
-- Lease the head of each ordering key that is due; `unknown` is raised until the outcome is settled, so a crash in between asks first.
with heads as (
    select distinct on (ordering_key) id from delivery
    where status = 'QUEUED' and kind = 'journal' and destination = $1 order by ordering_key, id
), due as (
    select d.id, d.unknown from delivery d join heads on heads.id = d.id
    where d.status = 'QUEUED' and d.not_before <= now() and d.leased_until < now()
    order by d.id limit $4 for update of d skip locked
)
update delivery d
set lease_owner = $2, leased_until = now() + $3::interval, unknown = true, attempts_count = d.attempts_count + 1
from due where d.id = due.id
returning d.id, d.ordering_key, d.idempotency_key, d.payload, d.attempts_count, due.unknown as ask_first, d.may_renew

-- name: settle_delivery
-- Record an attempt and its outcome, if the lease is still ours; with it the exception of a refusal is opened, worth what the
-- journal books, and the earlier ones of a delivery that has succeeded, or was resent and refused again, are closed.
with mine as (
    update delivery set
        status = $3, unknown = $4, may_renew = may_renew and $3 = 'QUEUED', not_before = now() + $5::interval, document = $6,
        settled_at = case when $3 = 'QUEUED' then null else now() end,
        leased_until = '-infinity', lease_owner = ''
    where id = $1 and lease_owner = $2 and status = 'QUEUED'
    returning id, attempts_count, destination, idempotency_key
), noted as (
    insert into delivery_attempt (delivery_id, ordinal, outcome, code, explanation, milliseconds)
    select id, attempts_count, $7, $8, $9, $10 from mine
), opened as (
    insert into work_item (id, group_key, code, owner, source, delivery_id, path, explanation, remedy, amount_minor)
    select 'exc_delivery.' || id || '.' || attempts_count, destination || '|' || $8 || '|' || $9, $8, $11, destination, id, $12, $9, $13,
        (select coalesce(sum(debit_minor), 0)::bigint from journal_line where reference = idempotency_key)
    from mine where $3 = 'ERROR'
), closed as (
    update work_item w set resolved_at = now(),
        resolution = case when $3 = 'SENT' then 'delivered after all' else 'resent and refused again' end
    from mine where w.delivery_id = mine.id and w.resolved_at is null and $3 in ('SENT', 'ERROR')
)
select count(*) as settled from mine

-- name: delivery_counts
-- Deliveries by status, and how many of them have an unknown outcome right now.
select status, count(*) as deliveries_count, count(*) filter (where unknown and leased_until < now() and attempts_count > 0) as unknown_count
from delivery where kind = 'journal' group by status order by status

-- name: find_deliveries
-- The deliveries that exceptions ($1) or journals ($2) name, with what each journal books; no row for what names none.
with named as (
    select u.asked, w.delivery_id as id from unnest($1::text[]) u(asked) join work_item w on w.id = u.asked
    where w.delivery_id is not null
    union
    select j.reference, d.id from journal j join delivery d on d.idempotency_key = coalesce(nullif(j.renewed_as, ''), j.reference)
    where j.reference = any($2::text[])
)
select n.asked, d.id, d.idempotency_key as reference, d.status, d.document,
    (select coalesce(sum(debit_minor), 0)::bigint from journal_line where reference = d.idempotency_key) as amount_minor
from named n join delivery d on d.id = n.id order by d.id

-- name: resend_deliveries
-- Queue refused deliveries again, under the same idempotency key, and note who did it; the destination is asked before it is sent.
with queued as (
    update delivery set status = 'QUEUED', not_before = now(), unknown = true where status = 'ERROR' and id = any($1::bigint[])
    returning id, idempotency_key
), noted as (
    insert into operator_act (os_user, host, act, subject, reason) select $2, $3, 'resent', idempotency_key, $4 from queued
)
select id from queued

-- name: ask_new_references
-- Queue journals whose reference is another document's in the ERP ($5, an open exception's code), to be made anew under another
-- reference should it still be so when the destination is asked; note who wants it, and why.
with queued as (
    update delivery d set status = 'QUEUED', not_before = now(), unknown = true, may_renew = true
    where d.status = 'ERROR' and d.id = any($1::bigint[])
        and exists (select from work_item w where w.delivery_id = d.id and w.resolved_at is null and w.code = $5)
    returning id, idempotency_key
), noted as (
    insert into operator_act (os_user, host, act, subject, reason) select $2, $3, 'renewed', idempotency_key, $4 from queued
)
select id from queued

-- name: renew_delivery
-- Give a leased delivery that may be renewed another idempotency key and payload; no row where the lease is lost, or the key is new.
update delivery set idempotency_key = $4, payload = $5, may_renew = false
where id = $1 and lease_owner = $2 and idempotency_key = $3 and status = 'QUEUED' and may_renew
returning id, ordering_key, idempotency_key, payload, attempts_count, unknown as ask_first, may_renew

-- name: renew_journal
-- Make journal $1 anew as $2: the same lines and entries, and whose doing it was. Every earlier reference leads to the new one.
with made as (
    insert into journal (reference, destination, policy, entity, currency, accounting_on, entries_count, renews)
    select $2, destination, policy, entity, currency, accounting_on, entries_count, reference from journal where reference = $1
), lines as (
    insert into journal_line (reference, ordinal, account, debit_minor, credit_minor, facility, cost_centre, service_line, payer_class)
    select $2, ordinal, account, debit_minor, credit_minor, facility, cost_centre, service_line, payer_class
    from journal_line where reference = $1
), linked as (
    update journal_entry set reference = $2 where reference = $1
), led as (
    update journal set renewed_as = $2 where reference = $1 or renewed_as = $1
)
insert into operator_act (os_user, host, act, subject, reason)
select os_user, host, act, $2, reason from operator_act where subject = $1 and act = 'renewed' order by id desc limit 1
