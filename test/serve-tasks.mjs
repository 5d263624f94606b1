/**
 * Makes a forked process do what its parent asks for, one message a task: its name, with its input beside it. Answers with what
 * the task resolves with, or with the error's code and message.
 */
export function serveTasks(tasks) {
  process.on('message', async ({ task, ...input }) => {
    try {
      process.send({ answer: await tasks[task](input) });
    } catch (error) {
      if (process.connected) process.send({ error: `${error.code ?? error.name}: ${error.message}` });
    }
  });
}
