#!/usr/bin/env node
import { runProgram } from '../dist/index.js';

// A reader that has seen enough (`| head`), or a terminal that is closed, must not stop what is being stored.
for (const output of [process.stdout, process.stderr]) {
  output.on('error', (error) => {
    if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
  });
}

runProgram(process.argv.slice(2), process).then((code) => {
  process.exitCode = code;
});
