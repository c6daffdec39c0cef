BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0003');
CREATE TABLE answers (
	fact INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	PRIMARY KEY (fact)
);
INSERT INTO "answers" VALUES(1,'2026-11-01 12:00:00.000000');
INSERT INTO "answers" VALUES(2,'2026-11-01 12:00:00.000000');
INSERT INTO "answers" VALUES(5,'2026-11-01 12:00:00.000000');
INSERT INTO "answers" VALUES(6,'2026-11-01 12:00:00.000000');
INSERT INTO "answers" VALUES(7,'2026-11-01 12:00:00.000000');
INSERT INTO "answers" VALUES(8,'2026-11-01 12:00:00.000000');
INSERT INTO "answers" VALUES(9,'2026-11-01 12:00:00.000000');
INSERT INTO "answers" VALUES(10,'2026-11-01 12:00:00.000000');
CREATE TABLE approved_heads (
	model TEXT NOT NULL, 
	stage TEXT NOT NULL, 
	sha TEXT NOT NULL, 
	promotion INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	PRIMARY KEY (model, stage, sha)
);
INSERT INTO "approved_heads" VALUES('waiting','production','c0ffee',2,'2026-11-01 12:00:00.000000');
INSERT INTO "approved_heads" VALUES('merging','production','c0ffee',3,'2026-11-01 12:00:00.000000');
CREATE TABLE early (
	"key" TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	"by" TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	channel TEXT NOT NULL, 
	ts TEXT NOT NULL, 
	body JSON NOT NULL, 
	PRIMARY KEY ("key")
);
CREATE TABLE "facts" (
	id INTEGER NOT NULL, 
	"key" TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	"by" TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	promotion INTEGER, 
	digest TEXT, 
	body JSON NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE ("key")
);
INSERT INTO "facts" VALUES(1,'released2promote','promote','U0ALICE','2026-11-01 12:00:00.000000',1,NULL,'{}');
INSERT INTO "facts" VALUES(2,'rreleased','approve','U0BOB','2026-11-01 12:00:00.000000',1,'70d30553f977966724baff7bebecd56db5e1113c585fb337ead9ccb42f1d5498','{"by": "reaction"}');
INSERT INTO "facts" VALUES(3,'waiting3promote','promote','U0ALICE','2026-11-01 12:00:00.000000',2,NULL,'{}');
INSERT INTO "facts" VALUES(4,'rwaiting','approve','U0BOB','2026-11-01 12:00:00.000000',2,'70d30553f977966724baff7bebecd56db5e1113c585fb337ead9ccb42f1d5498','{"by": "reaction"}');
INSERT INTO "facts" VALUES(5,'merging4promote','promote','U0ALICE','2026-11-01 12:00:00.000000',3,NULL,'{}');
INSERT INTO "facts" VALUES(6,'rmerging','approve','U0BOB','2026-11-01 12:00:00.000000',3,'70d30553f977966724baff7bebecd56db5e1113c585fb337ead9ccb42f1d5498','{"by": "reaction"}');
INSERT INTO "facts" VALUES(7,'failing5promote','promote','U0ALICE','2026-11-01 12:00:00.000000',4,NULL,'{}');
INSERT INTO "facts" VALUES(8,'rfailing','approve','U0BOB','2026-11-01 12:00:00.000000',4,'70d30553f977966724baff7bebecd56db5e1113c585fb337ead9ccb42f1d5498','{"by": "reaction"}');
INSERT INTO "facts" VALUES(9,'failed6promote','promote','U0ALICE','2026-11-01 12:00:00.000000',5,NULL,'{}');
INSERT INTO "facts" VALUES(10,'rfailed','approve','U0BOB','2026-11-01 12:00:00.000000',5,'70d30553f977966724baff7bebecd56db5e1113c585fb337ead9ccb42f1d5498','{"by": "reaction"}');
INSERT INTO "facts" VALUES(11,'callboard:6','rollback','callboard','2026-11-01 12:00:00.000000',6,NULL,'{}');
INSERT INTO "facts" VALUES(12,'propose1promote','promote','U0ALICE','2026-11-01 12:00:00.000000',7,NULL,'{}');
INSERT INTO "facts" VALUES(13,'post1promote','promote','U0ALICE','2026-11-01 12:00:00.000000',8,NULL,'{}');
INSERT INTO "facts" VALUES(14,'whisper1promote','promote','U0ALICE','2026-11-01 12:00:00.000000',9,NULL,'{}');
INSERT INTO "facts" VALUES(15,'say1promote','promote','U0ALICE','2026-11-01 12:00:00.000000',10,NULL,'{}');
INSERT INTO "facts" VALUES(16,'revoke1promote','promote','U0ALICE','2026-11-01 12:00:00.000000',11,NULL,'{}');
INSERT INTO "facts" VALUES(17,'close1promote','promote','U0ALICE','2026-11-01 12:00:00.000000',12,NULL,'{}');
INSERT INTO "facts" VALUES(18,'alias1promote','promote','U0ALICE','2026-11-01 12:00:00.000000',13,NULL,'{}');
INSERT INTO "facts" VALUES(19,'tag1promote','promote','U0ALICE','2026-11-01 12:00:00.000000',14,NULL,'{}');
CREATE TABLE freezes (
	stage TEXT NOT NULL, 
	until DATETIME, 
	reason TEXT NOT NULL, 
	"by" TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	PRIMARY KEY (stage)
);
CREATE TABLE messages (
	channel TEXT NOT NULL, 
	ts TEXT NOT NULL, 
	promotion INTEGER NOT NULL, 
	digest TEXT, 
	current BOOLEAN NOT NULL, 
	shown TEXT, 
	settled BOOLEAN NOT NULL, 
	PRIMARY KEY (channel, ts)
);
INSERT INTO "messages" VALUES('C1','1.released',1,'70d30553f977966724baff7bebecd56db5e1113c585fb337ead9ccb42f1d5498',1,NULL,0);
INSERT INTO "messages" VALUES('C1','1.waiting',2,'70d30553f977966724baff7bebecd56db5e1113c585fb337ead9ccb42f1d5498',1,NULL,0);
INSERT INTO "messages" VALUES('C1','1.merging',3,'70d30553f977966724baff7bebecd56db5e1113c585fb337ead9ccb42f1d5498',1,NULL,0);
INSERT INTO "messages" VALUES('C1','1.failing',4,'70d30553f977966724baff7bebecd56db5e1113c585fb337ead9ccb42f1d5498',1,NULL,0);
INSERT INTO "messages" VALUES('C1','1.failed',5,'70d30553f977966724baff7bebecd56db5e1113c585fb337ead9ccb42f1d5498',1,NULL,0);
CREATE TABLE models (
	name TEXT NOT NULL, 
	aliases JSON NOT NULL, 
	PRIMARY KEY (name)
);
CREATE TABLE pairs (
	model TEXT NOT NULL, 
	stage TEXT NOT NULL, 
	revision INTEGER NOT NULL, 
	wake_at DATETIME, 
	rings INTEGER NOT NULL, 
	tries INTEGER NOT NULL, 
	intent TEXT, 
	intent_at DATETIME, 
	place JSON, 
	PRIMARY KEY (model, stage)
);
INSERT INTO "pairs" VALUES('released','production',11,NULL,2,0,NULL,'2026-11-01 12:00:00.000000',NULL);
INSERT INTO "pairs" VALUES('waiting','production',7,'2026-11-01 12:01:00.000000',2,1,NULL,'2026-11-01 12:00:00.000000',NULL);
INSERT INTO "pairs" VALUES('merging','production',8,'2026-11-01 12:00:00.000000',2,0,'Merge','2026-11-01 12:00:00.000000',NULL);
INSERT INTO "pairs" VALUES('failing','production',9,NULL,2,0,NULL,'2026-11-01 12:00:00.000000',NULL);
INSERT INTO "pairs" VALUES('failed','production',8,'2026-11-01 12:00:00.000000',3,0,NULL,'2026-11-01 12:00:00.000000',NULL);
INSERT INTO "pairs" VALUES('propose','production',1,'2026-11-01 12:00:00.000000',1,0,'Propose','2026-11-01 12:00:00.000000',NULL);
INSERT INTO "pairs" VALUES('post','production',1,'2026-11-01 12:00:00.000000',1,0,'Post','2026-11-01 12:00:00.000000',NULL);
INSERT INTO "pairs" VALUES('whisper','production',1,'2026-11-01 12:00:00.000000',1,0,'Whisper','2026-11-01 12:00:00.000000',NULL);
INSERT INTO "pairs" VALUES('say','production',1,'2026-11-01 12:00:00.000000',1,0,'Say','2026-11-01 12:00:00.000000',NULL);
INSERT INTO "pairs" VALUES('revoke','production',1,'2026-11-01 12:00:00.000000',1,0,'Revoke','2026-11-01 12:00:00.000000',NULL);
INSERT INTO "pairs" VALUES('close','production',1,'2026-11-01 12:00:00.000000',1,0,'ClosePull','2026-11-01 12:00:00.000000',NULL);
INSERT INTO "pairs" VALUES('alias','production',1,'2026-11-01 12:00:00.000000',1,0,'MoveAlias','2026-11-01 12:00:00.000000',NULL);
INSERT INTO "pairs" VALUES('tag','production',1,'2026-11-01 12:00:00.000000',1,0,'Tag','2026-11-01 12:00:00.000000',NULL);
CREATE TABLE promotions (
	id INTEGER NOT NULL, 
	model TEXT NOT NULL, 
	stage TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	version BIGINT NOT NULL, 
	previous BIGINT, 
	requested_by TEXT NOT NULL, 
	requested_at DATETIME NOT NULL, 
	automatic BOOLEAN NOT NULL, 
	state TEXT NOT NULL, 
	entered_at DATETIME NOT NULL, 
	because TEXT NOT NULL, 
	open BOOLEAN NOT NULL, 
	told BOOLEAN NOT NULL, 
	record TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "promotions" VALUES(1,'released','production','promote',2,NULL,'U0ALICE','2026-11-01 12:00:00.000000',0,'released','2026-11-01 12:00:00.000000','every new pod serves it',0,1,'{"paths":["manifests/iris/production/kustomization.yaml"],"digest":"70d30553f977966724baff7bebecd56db5e1113c585fb337ead9ccb42f1d5498","namespace":"models","workload":"iris","pull":7,"pull_url":"https://github.com/acme/models/pull/7","head":"c0ffee","base":"ba5e","tried":"c0ffee","message":{"channel":"C1","ts":"1.released"},"message_for":"70d30553f977966724baff7bebecd56db5e1113c585fb337ead9ccb42f1d5498","approval":"success c0ffee: approved in Slack","clear_since":null,"merge_commit":"3e46e","previous_alias":1,"alias_moved":true,"tagged":true,"pull_closed":false,"failing_since":null,"failing_because":null,"healthy_since":"2026-11-01T12:00:00Z","proven_digest":"sha256:22","log":null,"rulings":[{"verdict":0,"because":"1 of 1 approvals"},{"verdict":1,"because":"production is frozen by <@U0BOB> until it is thawed"}],"approved_by":["U0BOB"],"comparison":{"metrics":[["accuracy",0.9,0.95]],"signature":"breaking","signature_changes":["output “species” is gone"],"requirements":["numpy 1 → 2"],"runs_code":[]},"trouble":null,"followup":null}');
INSERT INTO "promotions" VALUES(2,'waiting','production','promote',3,NULL,'U0ALICE','2026-11-01 12:00:00.000000',0,'proposed','2026-11-01 12:00:00.000000','the pull request is open',1,1,'{"paths":["manifests/iris/production/kustomization.yaml"],"digest":"70d30553f977966724baff7bebecd56db5e1113c585fb337ead9ccb42f1d5498","namespace":"models","workload":"iris","pull":7,"pull_url":"https://github.com/acme/models/pull/7","head":"c0ffee","base":"ba5e","tried":null,"message":{"channel":"C1","ts":"1.waiting"},"message_for":"70d30553f977966724baff7bebecd56db5e1113c585fb337ead9ccb42f1d5498","approval":"success c0ffee: approved in Slack","clear_since":null,"merge_commit":null,"previous_alias":null,"alias_moved":false,"tagged":false,"pull_closed":false,"failing_since":null,"failing_because":null,"healthy_since":null,"proven_digest":null,"log":null,"rulings":[{"verdict":0,"because":"1 of 1 approvals"},{"verdict":1,"because":"production is frozen by <@U0BOB> until it is thawed"}],"approved_by":["U0BOB"],"comparison":{"metrics":[["accuracy",0.9,0.95]],"signature":"breaking","signature_changes":["output “species” is gone"],"requirements":["numpy 1 → 2"],"runs_code":[]},"trouble":"GitHub does not answer","followup":null}');
INSERT INTO "promotions" VALUES(3,'merging','production','promote',4,NULL,'U0ALICE','2026-11-01 12:00:00.000000',0,'merging','2026-11-01 12:00:00.000000','approved by <@U0BOB>',1,1,'{"paths":["manifests/iris/production/kustomization.yaml"],"digest":"70d30553f977966724baff7bebecd56db5e1113c585fb337ead9ccb42f1d5498","namespace":"models","workload":"iris","pull":7,"pull_url":"https://github.com/acme/models/pull/7","head":"c0ffee","base":"ba5e","tried":"c0ffee","message":{"channel":"C1","ts":"1.merging"},"message_for":"70d30553f977966724baff7bebecd56db5e1113c585fb337ead9ccb42f1d5498","approval":"success c0ffee: approved in Slack","clear_since":null,"merge_commit":null,"previous_alias":null,"alias_moved":false,"tagged":false,"pull_closed":false,"failing_since":null,"failing_because":null,"healthy_since":null,"proven_digest":null,"log":null,"rulings":[{"verdict":0,"because":"1 of 1 approvals"},{"verdict":1,"because":"production is frozen by <@U0BOB> until it is thawed"}],"approved_by":["U0BOB"],"comparison":{"metrics":[["accuracy",0.9,0.95]],"signature":"breaking","signature_changes":["output “species” is gone"],"requirements":["numpy 1 → 2"],"runs_code":[]},"trouble":null,"followup":null}');
INSERT INTO "promotions" VALUES(4,'failing','production','promote',5,NULL,'U0ALICE','2026-11-01 12:00:00.000000',0,'rolling out','2026-11-01 12:00:00.000000','the cluster took the change up',1,1,'{"paths":["manifests/iris/production/kustomization.yaml"],"digest":"70d30553f977966724baff7bebecd56db5e1113c585fb337ead9ccb42f1d5498","namespace":"models","workload":"iris","pull":7,"pull_url":"https://github.com/acme/models/pull/7","head":"c0ffee","base":"ba5e","tried":null,"message":{"channel":"C1","ts":"1.failing"},"message_for":"70d30553f977966724baff7bebecd56db5e1113c585fb337ead9ccb42f1d5498","approval":"success c0ffee: approved in Slack","clear_since":null,"merge_commit":"3e46e","previous_alias":null,"alias_moved":false,"tagged":false,"pull_closed":false,"failing_since":"2026-11-01T12:00:00Z","failing_because":"pod p: CrashLoopBackOff","healthy_since":null,"proven_digest":null,"log":"KeyError","rulings":[{"verdict":0,"because":"1 of 1 approvals"},{"verdict":1,"because":"production is frozen by <@U0BOB> until it is thawed"}],"approved_by":["U0BOB"],"comparison":{"metrics":[["accuracy",0.9,0.95]],"signature":"breaking","signature_changes":["output “species” is gone"],"requirements":["numpy 1 → 2"],"runs_code":[]},"trouble":null,"followup":null}');
INSERT INTO "promotions" VALUES(5,'failed','production','promote',6,1,'U0ALICE','2026-11-01 12:00:00.000000',0,'failed','2026-11-01 12:00:00.000000','pod p: CrashLoopBackOff',0,1,'{"paths":["manifests/iris/production/kustomization.yaml"],"digest":"70d30553f977966724baff7bebecd56db5e1113c585fb337ead9ccb42f1d5498","namespace":"models","workload":"iris","pull":7,"pull_url":"https://github.com/acme/models/pull/7","head":"c0ffee","base":"ba5e","tried":null,"message":{"channel":"C1","ts":"1.failed"},"message_for":"70d30553f977966724baff7bebecd56db5e1113c585fb337ead9ccb42f1d5498","approval":"success c0ffee: approved in Slack","clear_since":null,"merge_commit":"3e46e","previous_alias":null,"alias_moved":false,"tagged":false,"pull_closed":false,"failing_since":null,"failing_because":null,"healthy_since":null,"proven_digest":null,"log":null,"rulings":[{"verdict":0,"because":"1 of 1 approvals"},{"verdict":1,"because":"production is frozen by <@U0BOB> until it is thawed"}],"approved_by":["U0BOB"],"comparison":{"metrics":[["accuracy",0.9,0.95]],"signature":"breaking","signature_changes":["output “species” is gone"],"requirements":["numpy 1 → 2"],"runs_code":[]},"trouble":null,"followup":6}');
INSERT INTO "promotions" VALUES(6,'failed','production','rollback',1,1,'callboard','2026-11-01 12:00:00.000000',1,'checking','2026-11-01 12:00:00.000000','',1,0,'{"paths":[],"digest":null,"namespace":null,"workload":null,"pull":7,"pull_url":"https://github.com/acme/models/pull/7","head":null,"base":null,"tried":null,"message":null,"message_for":null,"approval":null,"clear_since":null,"merge_commit":null,"previous_alias":null,"alias_moved":false,"tagged":false,"pull_closed":false,"failing_since":null,"failing_because":null,"healthy_since":null,"proven_digest":null,"log":null,"rulings":[],"approved_by":[],"comparison":null,"trouble":null,"followup":null}');
INSERT INTO "promotions" VALUES(7,'propose','production','promote',1,NULL,'U0ALICE','2026-11-01 12:00:00.000000',0,'checking','2026-11-01 12:00:00.000000','',1,0,'{"paths":[],"digest":null,"namespace":null,"workload":null,"pull":null,"pull_url":null,"head":null,"base":null,"tried":null,"message":null,"message_for":null,"approval":null,"clear_since":null,"merge_commit":null,"previous_alias":null,"alias_moved":false,"tagged":false,"pull_closed":false,"failing_since":null,"failing_because":null,"healthy_since":null,"proven_digest":null,"log":null,"rulings":[],"approved_by":[],"comparison":null,"trouble":null,"followup":null}');
INSERT INTO "promotions" VALUES(8,'post','production','promote',1,NULL,'U0ALICE','2026-11-01 12:00:00.000000',0,'checking','2026-11-01 12:00:00.000000','',1,0,'{"paths":[],"digest":null,"namespace":null,"workload":null,"pull":null,"pull_url":null,"head":null,"base":null,"tried":null,"message":null,"message_for":null,"approval":null,"clear_since":null,"merge_commit":null,"previous_alias":null,"alias_moved":false,"tagged":false,"pull_closed":false,"failing_since":null,"failing_because":null,"healthy_since":null,"proven_digest":null,"log":null,"rulings":[],"approved_by":[],"comparison":null,"trouble":null,"followup":null}');
INSERT INTO "promotions" VALUES(9,'whisper','production','promote',1,NULL,'U0ALICE','2026-11-01 12:00:00.000000',0,'checking','2026-11-01 12:00:00.000000','',1,0,'{"paths":[],"digest":null,"namespace":null,"workload":null,"pull":null,"pull_url":null,"head":null,"base":null,"tried":null,"message":null,"message_for":null,"approval":null,"clear_since":null,"merge_commit":null,"previous_alias":null,"alias_moved":false,"tagged":false,"pull_closed":false,"failing_since":null,"failing_because":null,"healthy_since":null,"proven_digest":null,"log":null,"rulings":[],"approved_by":[],"comparison":null,"trouble":null,"followup":null}');
INSERT INTO "promotions" VALUES(10,'say','production','promote',1,NULL,'U0ALICE','2026-11-01 12:00:00.000000',0,'checking','2026-11-01 12:00:00.000000','',1,0,'{"paths":[],"digest":null,"namespace":null,"workload":null,"pull":null,"pull_url":null,"head":null,"base":null,"tried":null,"message":null,"message_for":null,"approval":null,"clear_since":null,"merge_commit":null,"previous_alias":null,"alias_moved":false,"tagged":false,"pull_closed":false,"failing_since":null,"failing_because":null,"healthy_since":null,"proven_digest":null,"log":null,"rulings":[],"approved_by":[],"comparison":null,"trouble":null,"followup":null}');
INSERT INTO "promotions" VALUES(11,'revoke','production','promote',1,NULL,'U0ALICE','2026-11-01 12:00:00.000000',0,'checking','2026-11-01 12:00:00.000000','',1,0,'{"paths":[],"digest":null,"namespace":null,"workload":null,"pull":null,"pull_url":null,"head":null,"base":null,"tried":null,"message":null,"message_for":null,"approval":null,"clear_since":null,"merge_commit":null,"previous_alias":null,"alias_moved":false,"tagged":false,"pull_closed":false,"failing_since":null,"failing_because":null,"healthy_since":null,"proven_digest":null,"log":null,"rulings":[],"approved_by":[],"comparison":null,"trouble":null,"followup":null}');
INSERT INTO "promotions" VALUES(12,'close','production','promote',1,NULL,'U0ALICE','2026-11-01 12:00:00.000000',0,'checking','2026-11-01 12:00:00.000000','',1,0,'{"paths":[],"digest":null,"namespace":null,"workload":null,"pull":null,"pull_url":null,"head":null,"base":null,"tried":null,"message":null,"message_for":null,"approval":null,"clear_since":null,"merge_commit":null,"previous_alias":null,"alias_moved":false,"tagged":false,"pull_closed":false,"failing_since":null,"failing_because":null,"healthy_since":null,"proven_digest":null,"log":null,"rulings":[],"approved_by":[],"comparison":null,"trouble":null,"followup":null}');
INSERT INTO "promotions" VALUES(13,'alias','production','promote',1,NULL,'U0ALICE','2026-11-01 12:00:00.000000',0,'checking','2026-11-01 12:00:00.000000','',1,0,'{"paths":[],"digest":null,"namespace":null,"workload":null,"pull":null,"pull_url":null,"head":null,"base":null,"tried":null,"message":null,"message_for":null,"approval":null,"clear_since":null,"merge_commit":null,"previous_alias":null,"alias_moved":false,"tagged":false,"pull_closed":false,"failing_since":null,"failing_because":null,"healthy_since":null,"proven_digest":null,"log":null,"rulings":[],"approved_by":[],"comparison":null,"trouble":null,"followup":null}');
INSERT INTO "promotions" VALUES(14,'tag','production','promote',1,NULL,'U0ALICE','2026-11-01 12:00:00.000000',0,'checking','2026-11-01 12:00:00.000000','',1,0,'{"paths":[],"digest":null,"namespace":null,"workload":null,"pull":null,"pull_url":null,"head":null,"base":null,"tried":null,"message":null,"message_for":null,"approval":null,"clear_since":null,"merge_commit":null,"previous_alias":null,"alias_moved":false,"tagged":false,"pull_closed":false,"failing_since":null,"failing_because":null,"healthy_since":null,"proven_digest":null,"log":null,"rulings":[],"approved_by":[],"comparison":null,"trouble":null,"followup":null}');
CREATE TABLE releases (
	id INTEGER NOT NULL, 
	model TEXT NOT NULL, 
	stage TEXT NOT NULL, 
	version BIGINT NOT NULL, 
	since DATETIME NOT NULL, 
	previous BIGINT, 
	promotion INTEGER, 
	PRIMARY KEY (id)
);
INSERT INTO "releases" VALUES(1,'released','production',2,'2026-11-01 12:00:00.000000',NULL,1);
INSERT INTO "releases" VALUES(2,'failed','production',1,'2026-11-01 12:00:00.000000',NULL,NULL);
CREATE TABLE transitions (
	id INTEGER NOT NULL, 
	promotion INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	because TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "transitions" VALUES(1,1,'checking','2026-11-01 12:00:00.000000','asked for');
INSERT INTO "transitions" VALUES(2,1,'proposed','2026-11-01 12:00:00.000000','the pull request is open');
INSERT INTO "transitions" VALUES(3,1,'merging','2026-11-01 12:00:00.000000','approved by <@U0BOB>');
INSERT INTO "transitions" VALUES(4,1,'syncing','2026-11-01 12:00:00.000000','merged');
INSERT INTO "transitions" VALUES(5,1,'released','2026-11-01 12:00:00.000000','every new pod serves it');
INSERT INTO "transitions" VALUES(6,2,'checking','2026-11-01 12:00:00.000000','asked for');
INSERT INTO "transitions" VALUES(7,2,'proposed','2026-11-01 12:00:00.000000','the pull request is open');
INSERT INTO "transitions" VALUES(8,3,'checking','2026-11-01 12:00:00.000000','asked for');
INSERT INTO "transitions" VALUES(9,3,'proposed','2026-11-01 12:00:00.000000','the pull request is open');
INSERT INTO "transitions" VALUES(10,3,'merging','2026-11-01 12:00:00.000000','approved by <@U0BOB>');
INSERT INTO "transitions" VALUES(11,4,'checking','2026-11-01 12:00:00.000000','asked for');
INSERT INTO "transitions" VALUES(12,4,'proposed','2026-11-01 12:00:00.000000','the pull request is open');
INSERT INTO "transitions" VALUES(13,4,'syncing','2026-11-01 12:00:00.000000','merged');
INSERT INTO "transitions" VALUES(14,4,'rolling out','2026-11-01 12:00:00.000000','the cluster took the change up');
INSERT INTO "transitions" VALUES(15,5,'checking','2026-11-01 12:00:00.000000','asked for');
INSERT INTO "transitions" VALUES(16,5,'proposed','2026-11-01 12:00:00.000000','the pull request is open');
INSERT INTO "transitions" VALUES(17,5,'failed','2026-11-01 12:00:00.000000','pod p: CrashLoopBackOff');
INSERT INTO "transitions" VALUES(18,6,'checking','2026-11-01 12:00:00.000000','asked for');
INSERT INTO "transitions" VALUES(19,7,'checking','2026-11-01 12:00:00.000000','asked for');
INSERT INTO "transitions" VALUES(20,8,'checking','2026-11-01 12:00:00.000000','asked for');
INSERT INTO "transitions" VALUES(21,9,'checking','2026-11-01 12:00:00.000000','asked for');
INSERT INTO "transitions" VALUES(22,10,'checking','2026-11-01 12:00:00.000000','asked for');
INSERT INTO "transitions" VALUES(23,11,'checking','2026-11-01 12:00:00.000000','asked for');
INSERT INTO "transitions" VALUES(24,12,'checking','2026-11-01 12:00:00.000000','asked for');
INSERT INTO "transitions" VALUES(25,13,'checking','2026-11-01 12:00:00.000000','asked for');
INSERT INTO "transitions" VALUES(26,14,'checking','2026-11-01 12:00:00.000000','asked for');
CREATE TABLE user_groups (
	name TEXT NOT NULL, 
	members JSON NOT NULL, 
	at DATETIME NOT NULL, 
	PRIMARY KEY (name)
);
CREATE TABLE versions (
	model TEXT NOT NULL, 
	version BIGINT NOT NULL, 
	heard_at DATETIME NOT NULL, 
	baseline BOOLEAN NOT NULL, 
	real BOOLEAN NOT NULL, 
	wake_at DATETIME, 
	tries INTEGER NOT NULL, 
	intent_at DATETIME, 
	channel TEXT, 
	ts TEXT, 
	shown TEXT, 
	complete BOOLEAN NOT NULL, 
	PRIMARY KEY (model, version)
);
CREATE INDEX ix_messages_promotion ON messages (promotion);
CREATE INDEX ix_pairs_wake_at ON pairs (wake_at);
CREATE UNIQUE INDEX one_open_promotion_per_pair ON promotions (model, stage) WHERE open;
CREATE INDEX ix_releases_model ON releases (model);
CREATE INDEX ix_transitions_promotion ON transitions (promotion);
CREATE INDEX ix_versions_wake_at ON versions (wake_at);
CREATE INDEX ix_facts_promotion ON facts (promotion);
CREATE TRIGGER facts_no_update BEFORE UPDATE ON facts BEGIN SELECT RAISE(ABORT, 'facts is append-only'); END;
CREATE TRIGGER facts_no_delete BEFORE DELETE ON facts BEGIN SELECT RAISE(ABORT, 'facts is append-only'); END;
CREATE TRIGGER transitions_no_update BEFORE UPDATE ON transitions BEGIN SELECT RAISE(ABORT, 'transitions is append-only'); END;
CREATE TRIGGER transitions_no_delete BEFORE DELETE ON transitions BEGIN SELECT RAISE(ABORT, 'transitions is append-only'); END;
CREATE INDEX ix_approved_heads_promotion ON approved_heads (promotion);
COMMIT;
