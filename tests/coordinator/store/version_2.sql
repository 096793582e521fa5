-- A database of version 2, as the sqlite3 shell dumps it; the last two lines are what a dump leaves out.
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE events (
  revision INTEGER PRIMARY KEY,
  time_ms INTEGER NOT NULL,
  sweep TEXT NOT NULL,
  kind TEXT NOT NULL,       -- name of the field in lockstep.proto.Event
  event BLOB NOT NULL       -- lockstep.proto.Event
) STRICT;
INSERT INTO events VALUES(1,1000,'s1','sweep_submitted',X'080110e8071a027331220e0a0c0a0a6e616d65206f66207331');
INSERT INTO events VALUES(2,1000,'s1','trial_created',X'080210e8071a027331323a0800120f0a0472617465119a9999999999b93f12160a046b696e641a0e746865202262696722206f6e650a220d612072616e646f6d2064726177');
INSERT INTO events VALUES(3,1000,'s1','attempt_planned',X'080310e8071a027331421f080010011a05666972737420002003320e636f726573206172652066726565');
INSERT INTO events VALUES(4,1000,'s1','trial_changed',X'080410e8071a0273313a0d10011a09617474656d70742031');
INSERT INTO events VALUES(5,1500,'s1','attempt_attached',X'080510dc0b1a0273314a021001');
INSERT INTO events VALUES(6,1000,'s1','evaluated',X'080610e8071a0273315a1808001001186421000000000000f43f29000000000000e03f');
INSERT INTO events VALUES(7,1000,'s1','trial_judged',X'080710e8071a02733182012110011801221b302e352069732062656c6f7720746865206d656469616e20302e37');
INSERT INTO events VALUES(8,1000,'s1','checkpoint_written',X'080810e8071a027331621c10011864221673312f302f737465702d3030303030303130302e6835');
INSERT INTO events VALUES(9,1000,'s1','checkpoint_pinned',X'080910e8071a0273316a0410641801');
INSERT INTO events VALUES(10,1000,'s1','attempt_ended',X'080a10e8071a0273315211080010011800204b310000000000002940');
INSERT INTO events VALUES(11,1000,'s1','checkpoint_deleted',X'080b10e8071a0273317a1610641a126e6f7420616d6f6e67207468652062657374');
INSERT INTO events VALUES(12,2000,'s1','sweep_changed',X'080c10d00f1a0273312a0c0804120861736b656420746f');
INSERT INTO events VALUES(13,1000,'s1','sweep_deleted',X'080d10e8071a0273317200');
INSERT INTO events VALUES(14,1000,'s2','sweep_submitted',X'080e10e8071a027332220e0a0c0a0a6e616d65206f66207332');
INSERT INTO events VALUES(15,1000,'s2','trial_created',X'080f10e8071a027332323a0800120f0a0472617465119a9999999999b93f12160a046b696e641a0e746865202262696722206f6e650a220d612072616e646f6d2064726177');
INSERT INTO events VALUES(16,1000,'s2','evaluated',X'081010e8071a0273325a1808001001186421000000000000f43f29000000000000e03f');
CREATE TABLE points (
  sweep TEXT NOT NULL,
  trial INTEGER NOT NULL,
  step INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  loss REAL,
  accuracy REAL,
  learning_rate REAL,
  images_per_second REAL,
  PRIMARY KEY (sweep, trial, step, attempt)
) STRICT, WITHOUT ROWID;
INSERT INTO points VALUES('s1',0,10,1,0.5,0.25,0.125,1000.0);
CREATE TABLE requests (
  id TEXT PRIMARY KEY NOT NULL,
  hash BLOB NOT NULL,
  response BLOB NOT NULL
) STRICT;
INSERT INTO requests VALUES('id',X'68',X'726573706f6e7365');
CREATE TABLE sweeps (
  sweep TEXT PRIMARY KEY NOT NULL,
  name TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  submitted_ms INTEGER NOT NULL,
  deleted INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO sweeps VALUES('s1','name of s1','SWEEP_STOPPED','asked to',1000,1);
INSERT INTO sweeps VALUES('s2','name of s2','SWEEP_RUNNING','',1000,0);
CREATE TABLE trials (
  sweep TEXT NOT NULL,
  trial INTEGER NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  bracket INTEGER NOT NULL,
  parameters TEXT NOT NULL, -- JSON
  PRIMARY KEY (sweep, trial)
) STRICT, WITHOUT ROWID;
INSERT INTO trials VALUES('s1',0,'TRIAL_RUNNING','attempt 1',0,'{"rate": 0.1, "kind": "the \"big\" one\u000a"}');
INSERT INTO trials VALUES('s2',0,'TRIAL_WAITING','',0,'{"rate": 0.1, "kind": "the \"big\" one\u000a"}');
CREATE TABLE attempts (
  sweep TEXT NOT NULL,
  trial INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  token TEXT NOT NULL,
  last_seq INTEGER NOT NULL, -- not in the events: of the last report
  ended INTEGER NOT NULL,    -- 1: reports are refused
  cores TEXT NOT NULL,
  until_epoch INTEGER,
  planned_ms INTEGER NOT NULL,
  attached_ms INTEGER,
  ended_ms INTEGER,
  outcome TEXT,
  exit_code INTEGER,
  message TEXT, seconds REAL,
  PRIMARY KEY (sweep, trial, attempt)
) STRICT, WITHOUT ROWID;
INSERT INTO attempts VALUES('s1',0,1,'first',0,1,'0,3',NULL,1000,1500,1000,'EXITED',75,'',12.5);
CREATE TABLE evaluations (
  sweep TEXT NOT NULL,
  trial INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  step INTEGER NOT NULL,
  loss REAL,
  accuracy REAL,
  PRIMARY KEY (sweep, trial, epoch)
) STRICT, WITHOUT ROWID;
INSERT INTO evaluations VALUES('s1',0,1,100,1.25,0.5);
INSERT INTO evaluations VALUES('s2',0,1,100,1.25,0.5);
CREATE TABLE checkpoints (
  sweep TEXT NOT NULL,
  trial INTEGER NOT NULL,
  step INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  parent_step INTEGER,
  path TEXT NOT NULL,
  pinned INTEGER NOT NULL,
  deleted INTEGER NOT NULL,
  PRIMARY KEY (sweep, trial, step)
) STRICT, WITHOUT ROWID;
INSERT INTO checkpoints VALUES('s1',0,100,1,NULL,'s1/0/step-000000100.h5',1,1);
CREATE TABLE decisions (
  revision INTEGER PRIMARY KEY,
  time_ms INTEGER NOT NULL,
  sweep TEXT NOT NULL,
  trial INTEGER,
  what TEXT NOT NULL,
  reason TEXT NOT NULL
) STRICT;
INSERT INTO decisions VALUES(2,1000,'s1',0,'created','a random draw');
INSERT INTO decisions VALUES(3,1000,'s1',0,'attempt 1','cores are free');
INSERT INTO decisions VALUES(4,1000,'s1',0,'TRIAL_RUNNING','attempt 1');
INSERT INTO decisions VALUES(7,1000,'s1',0,'stop at epoch 1','0.5 is below the median 0.7');
INSERT INTO decisions VALUES(11,1000,'s1',0,'checkpoint 100 deleted','not among the best');
INSERT INTO decisions VALUES(12,2000,'s1',NULL,'SWEEP_STOPPED','asked to');
INSERT INTO decisions VALUES(15,1000,'s2',0,'created','a random draw');
COMMIT;
PRAGMA application_id = 1280262987;
PRAGMA user_version = 2;
