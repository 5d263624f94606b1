-- The tables of the vendor's sample application, as far as they are known: users, their companies, and the tokens in clear
-- text. An application that has them already changes nothing; a new one leaves the three token columns empty.
CREATE TABLE companies (
  id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  main_function_id char(128) NOT NULL COMMENT 'company_id of the API',
  platform_id char(128) NOT NULL COMMENT 'company_ne_id of the API',
  created_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
  UNIQUE KEY unique_main_function_id (main_function_id)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE users (
  id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  company_id int unsigned NOT NULL,
  uid char(128) NOT NULL,
  next_engine_id char(128) NOT NULL COMMENT 'pic_ne_id of the API',
  email varchar(255) NOT NULL COMMENT 'pic_mail_address of the API',
  access_token char(128) NULL,
  access_token_end_date timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP COMMENT 'Japan time',
  refresh_token char(128) NULL,
  created_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
  UNIQUE KEY unique_uid (uid),
  FOREIGN KEY (company_id) REFERENCES companies (id)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
