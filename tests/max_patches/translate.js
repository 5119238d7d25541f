// Asks the package's code what it makes of messages: lists of words in, {address, args} or {error} out.
"use strict";

const code = require(process.argv[2]);
const fs = require("fs");
const messages = JSON.parse(fs.readFileSync(0, "utf8"));
const answers = messages.map((words) => code.klustrTranslate(words, { count: 16, req: 7 }));
process.stdout.write(JSON.stringify(answers));
