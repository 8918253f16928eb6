-- What somebody with rights on the database might do to it, one harm to a block, each to be seen by
-- the proof (test_reconcile_tampering.py, test_demo_figures.py). The append-only triggers are off while they run.

-- harm: an event's place in the log is lost
delete from log where event_id = (select min(id) from event where type = 'charge.posted');

-- harm: an event is deleted and its place stays
delete from event where id = (select min(id) from event where type = 'charge.posted');

-- harm: an event is deleted with its place
delete from log where event_id = (select min(id) from event where type = 'charge.posted');
delete from event where id = (select min(id) from event where type = 'charge.posted');

-- harm: a fact says another amount
update event set payload = (select payload from event where type = 'charge.posted' order by id desc limit 1)
where id = (select min(id) from event where type = 'charge.posted');

-- harm: an event is invented
insert into event select 'evt_invented.0001', 'msg_invented', stream, partition, type, source, path, stamp, received_at_ms, payload
from event where type = 'encounter.admitted' limit 1;

-- harm: an entry is deleted with its lines
delete from entry_line where entry_id = (select min(id) from entry where kind = 'charge');
delete from entry where id = (select min(id) from entry where kind = 'charge');

-- harm: an entry that is still on its way is deleted with its lines
delete from entry_line where entry_id = (select entry_id from unbatched limit 1);
delete from entry where id = (select entry_id from unbatched limit 1);

-- harm: an entry loses its lines
delete from entry_line where entry_id = (select min(id) from entry where kind = 'charge');

-- harm: one line of an entry is changed
update entry_line set debit_minor = debit_minor + 1
where debit_minor > 0 and entry_id = (select min(id) from entry where kind = 'charge');

-- harm: two entries are changed by opposite sums
update entry_line set debit_minor = debit_minor + 1
where debit_minor > 0 and entry_id = (select min(id) from entry where kind = 'charge');
update entry_line set debit_minor = debit_minor - 1
where debit_minor > 0 and entry_id = (select max(id) from entry where kind = 'charge');

-- harm: every line of a delivered entry is changed
update entry_line set debit_minor = sign(debit_minor) * 77, credit_minor = sign(credit_minor) * 77
where entry_id = (select min(id) from entry where kind = 'charge');

-- harm: every line of an entry that is still on its way is changed
update entry_line set debit_minor = sign(debit_minor) * 77, credit_minor = sign(credit_minor) * 77
where entry_id = (select entry_id from unbatched limit 1);

-- harm: every line of an adjustment that is still on its way is changed
update entry_line set debit_minor = sign(debit_minor) * 77, credit_minor = sign(credit_minor) * 77
where entry_id = (select min(id) from entry where kind = 'account_adjustment');

-- harm: every line of a patient's payment that is still on its way is changed
update entry_line set debit_minor = sign(debit_minor) * 77, credit_minor = sign(credit_minor) * 77
where entry_id = (select min(id) from entry where kind = 'patient_payment');

-- harm: every line of a claim's payment is changed
update entry_line set debit_minor = sign(debit_minor) * 77, credit_minor = sign(credit_minor) * 77
where entry_id = (select min(id) from entry where kind = 'claim_payment');

-- harm: an adjustment that is still on its way is deleted with its lines
delete from entry_line where entry_id = (select min(id) from entry where kind = 'account_adjustment');
delete from unbatched where entry_id = (select min(id) from entry where kind = 'account_adjustment');
delete from journal_entry where entry_id = (select min(id) from entry where kind = 'account_adjustment');
delete from entry where kind = 'account_adjustment';

-- harm: a line is moved to another account
update entry_line set account = '1110'
where debit_minor > 0 and entry_id = (select min(id) from entry where kind = 'charge');

-- harm: what an entry says it is worth is changed
update entry set principal_minor = principal_minor + 1 where id = (select min(id) from entry where kind = 'charge');

-- harm: an entry is invented
insert into entry (id, stream, booking_key, revision, event_id, kind, policy, entity, currency, effective_on, accounting_on,
    received_at_ms, release, reverses, principal_minor)
select 'ent_invented', stream, 'k', 1, event_id, kind, policy, entity, currency, effective_on, accounting_on, received_at_ms, release,
    '', principal_minor from entry where id = (select min(id) from entry where kind = 'charge');
insert into entry_line select 'ent_invented', ordinal, account, debit_minor, credit_minor, facility, cost_centre, service_line,
    payer_class, rule, path from entry_line where entry_id = (select min(id) from entry where kind = 'charge');

-- harm: a held message's exception is deleted
delete from work_item where message_id = (select id from message where status = 'held');

-- harm: a parked booking's exception is deleted
delete from work_item where booking_key <> '';

-- harm: a held message is deleted
delete from message where status = 'held';

-- harm: a message that was booked is deleted
delete from message where id = (select min(message_id) from event where type = 'charge.posted');

-- harm: a message that was booked is called held
update message set status = 'held' where id = (select min(message_id) from event where type = 'charge.posted');

-- harm: what a message said it is worth is changed
update control_total set amount_minor = amount_minor + 1
where name = 'charges' and message_id = (select min(message_id) from event where type = 'charge.posted');

-- harm: an entry is taken out of the queue
delete from unbatched;

-- harm: an entry is taken out of its journal
delete from journal_entry where entry_id = (select min(entry_id) from journal_entry);

-- harm: a journal is never sent
delete from delivery where status = 'QUEUED';

-- harm: a journal is called sent
update delivery set status = 'SENT', document = 'JE-9' where status = 'QUEUED';

-- harm: a sent journal is called unsent
update delivery set status = 'QUEUED' where id = (select min(id) from delivery);
